# The CUDA kernels, in three ways: not at all, by nvcc, or by the host's compiler against the emulator in simt/.
file(GLOB cuda_kernels CONFIGURE_DEPENDS */*_cuda.cu)
list(FILTER cuda_kernels EXCLUDE REGEX "/common/")
file(GLOB cuda_layer CONFIGURE_DEPENDS common/*_cuda.cu)  # memory, streams, cuBLAS
file(GLOB simt_layer CONFIGURE_DEPENDS simt/*.cpp)

# 554: nvcc does not see that the conversion of a Matrix<const T> to itself is ruled out.
set(HEARTBEAT_NVCC_FLAGS --expt-relaxed-constexpr --extended-lambda -diag-suppress=554 CACHE INTERNAL "Of every .cu file")

# Adds .cu files to a target, with the compiler and the flags that HEARTBEAT_CUDA asks for.
function(heartbeat_device_sources target)
  target_sources(${target} PRIVATE ${ARGN})
  if(HEARTBEAT_CUDA STREQUAL "cuda")
    target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:CUDA>:${HEARTBEAT_NVCC_FLAGS}>")
  else()
    # g++ takes #pragma unroll for a mistake.
    set(flags -Wno-unknown-pragmas)
    if(HEARTBEAT_SIMT_CHECK)
      list(APPEND flags -fsanitize=thread -Wno-tsan)
    endif()
    set_source_files_properties(${ARGN} PROPERTIES LANGUAGE CXX COMPILE_OPTIONS "${flags}")
  endif()
endfunction()

if(HEARTBEAT_CUDA STREQUAL "cuda")
  find_package(CUDAToolkit REQUIRED)
  add_library(heartbeat_cuda STATIC ${cuda_layer})
  heartbeat_device_sources(heartbeat_cuda ${cuda_kernels})
  target_include_directories(heartbeat_cuda PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(heartbeat_cuda PUBLIC heartbeat_kernels CUDA::cudart_static CUDA::cublas)
  target_compile_definitions(heartbeat_cuda PUBLIC HEARTBEAT_CUDA=1)
elseif(HEARTBEAT_CUDA STREQUAL "simt")
  if(NOT HEARTBEAT_SIMT_CHECK)
    list(FILTER simt_layer EXCLUDE REGEX "race_check")
  endif()
  add_library(heartbeat_cuda STATIC ${simt_layer})
  heartbeat_device_sources(heartbeat_cuda ${cuda_kernels})
  target_link_libraries(heartbeat_cuda PUBLIC heartbeat_kernels)
  target_compile_definitions(heartbeat_cuda PUBLIC HEARTBEAT_CUDA=1 HEARTBEAT_SIMT=1)
  if(HEARTBEAT_SIMT_CHECK)
    # Its own functions stand in for libtsan; -rdynamic lets it find the line of an access.
    target_compile_definitions(heartbeat_cuda PUBLIC HEARTBEAT_SIMT_CHECK=1)
    target_link_options(heartbeat_cuda PUBLIC -rdynamic)
    target_link_libraries(heartbeat_cuda PUBLIC ${CMAKE_DL_LIBS})
  endif()
endif()

# As on the CPU: an optimizer step without fused multiply-add has the same bits everywhere.
set(without_fma ${CMAKE_CURRENT_SOURCE_DIR}/adamw/adamw_cuda.cu ${CMAKE_CURRENT_SOURCE_DIR}/sgd/sgd_cuda.cu)
if(HEARTBEAT_CUDA STREQUAL "simt")
  set_property(SOURCE ${without_fma} APPEND PROPERTY COMPILE_OPTIONS -ffp-contract=off)
else()
  set_property(SOURCE ${without_fma} APPEND PROPERTY COMPILE_OPTIONS -fmad=false)
endif()
set_property(SOURCE ${without_fma} PROPERTY HEARTBEAT_NVCC_FLAGS -fmad=false)

# cuda_compile: whatever HEARTBEAT_CUDA says, nvcc compiles every .cu for the GPUs we name, warnings as errors, and a table
# shows what each kernel takes. A machine without a GPU can do this.
find_program(NVCC nvcc HINTS /usr/local/cuda/bin)
if(NVCC)
  file(GLOB_RECURSE others CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/*.cu
       ${PROJECT_SOURCE_DIR}/bench/*.cu)
  set(objects)
  foreach(source ${cuda_kernels} ${cuda_layer} ${others})
    file(RELATIVE_PATH name ${PROJECT_SOURCE_DIR} ${source})
    set(object ${PROJECT_BINARY_DIR}/cuda_compile/${name}.o)
    get_filename_component(folder ${object} DIRECTORY)
    file(MAKE_DIRECTORY ${folder})
    get_source_file_property(extra ${source} HEARTBEAT_NVCC_FLAGS)
    if(NOT extra)
      set(extra)
    endif()
    add_custom_command(
      OUTPUT ${object}
      COMMAND bash -c "\"$@\" 2>${object}.txt || { cat ${object}.txt >&2; exit 1; }" nvcc ${CCACHE} ${NVCC} -c ${source}
              -o ${object} -std=c++20 -O3 ${HEARTBEAT_NVCC_FLAGS} ${extra} -gencode arch=compute_80,code=sm_80 -gencode
              arch=compute_90,code=sm_90 -Werror all-warnings -Xcompiler=-Wall,-Wno-restrict,-Werror -Xptxas=-v
              -DHEARTBEAT_CUDA=1 -I${PROJECT_SOURCE_DIR} -MD -MF ${object}.d
      DEPENDS ${source}
      DEPFILE ${object}.d
      COMMENT "nvcc ${name}"
      VERBATIM)
    list(APPEND objects ${object})
  endforeach()
  add_custom_target(
    cuda_compile
    COMMAND ${PROJECT_SOURCE_DIR}/tools/kernel_table.sh ${PROJECT_BINARY_DIR}/cuda_compile
    DEPENDS ${objects}
    VERBATIM)
else()
  add_custom_target(cuda_compile)
endif()
