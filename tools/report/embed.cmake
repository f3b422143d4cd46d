# cmake -DIN=file -DOUT=file.cpp -DNAME=name -P embed.cmake: a text file as a string literal.
file(READ "${IN}" text)
file(WRITE "${OUT}" "namespace heartbeat::asset {\nextern const char* const ${NAME};\nconst char* const ${NAME} = R\"asset(${text})asset\";\n}\n")
