// Which sanitizer this translation unit is compiled with: g++ and clang say it differently.
#pragma once

#if defined(__SANITIZE_ADDRESS__)
#define HEARTBEAT_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HEARTBEAT_ASAN 1
#endif
#endif

// -fsanitize=thread without its library marks the kernels of the check build, see race_check.cpp.
#if defined(__SANITIZE_THREAD__)
#define HEARTBEAT_RACE_CHECK 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HEARTBEAT_RACE_CHECK 1
#endif
#endif
