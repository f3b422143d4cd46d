// Small kernels that use what the emulator emulates.
#pragma once

#include "kernels/common/base.h"

namespace heartbeat::testing {

void run_shuffles_and_votes(Cuda cuda, const int* x, int* y, int threads);  // x [threads], y [8, threads]
void run_half_warp_sums(Cuda cuda, const int* x, int* y, int threads);
void run_count_with_atomics(Cuda cuda, const int* x, long n, int* counts, int* largest);  // counts [4]
void run_tf32_product(Cuda cuda, const float* a, const float* b, float* c);               // [16, 8] [8, 8] [16, 8]
void run_bf16_product(Cuda cuda, const float* a, const float* b, float* c);               // [16, 16] [16, 8] [16, 8]

}  // namespace heartbeat::testing
