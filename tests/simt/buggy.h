// Kernels with one deliberate bug each.
#pragma once

#include <cstddef>

#include "kernels/common/base.h"

namespace heartbeat::buggy {

void global_overrun(Cuda cuda, float* y, std::size_t n);
void shared_overrun(Cuda cuda, float* y);
void dynamic_shared_overrun(Cuda cuda, float* y);
void missing_barrier(Cuda cuda, float* y, const float* x);
void missing_second_barrier(Cuda cuda, float* y, const float* x);
void divergent_barrier(Cuda cuda, float* y);
void two_barriers(Cuda cuda, float* y);
void wrong_mask(Cuda cuda, float* y);
void foreign_lane(Cuda cuda, float* y);
void partial_warp(Cuda cuda, float* y);
void uninitialised_shared(Cuda cuda, float* y);
void uninitialised_dynamic(Cuda cuda, float* y);
void missing_atomic(Cuda cuda, float* total);
void missing_shared_atomic(Cuda cuda, float* y);
void warp_race(Cuda cuda, float* y);
void misaligned(Cuda cuda, float* y);
void host_pointer(Cuda cuda, float* y, const float* host);
void stack_hog(Cuda cuda, float* y);

}  // namespace heartbeat::buggy
