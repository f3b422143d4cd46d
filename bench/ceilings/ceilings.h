// What a GPU can do at most, as kernels that do nothing else. Every later table divides by these.
#pragma once

#include "kernels/common/base.h"

namespace heartbeat::bench::ceilings {

void copy(Cuda cuda, const float* from, float* to, long n);
// Sums n floats; out [blocks of read()] gets what keeps the compiler from dropping the loads.
void read(Cuda cuda, const float* from, long n, float* out);
inline constexpr long kReadBlocks = 1056;  // eight for each SM of an H200

// y [rows, width] = table [.., width] at ids [rows], width 64 or 128 floats, a warp for each row.
void gather(Cuda cuda, const float* table, const int* ids, long rows, long width, float* y);

// n atomic additions of 1 to `distinct` of a block's counters in shared memory, lanes next to each other on different
// ones as far as there are; counts [kReadBlocks, 256] gets what each block counted.
void shared_atomics(Cuda cuda, long n, int distinct, unsigned* counts);

void nothing(Cuda cuda);  // one block of one warp that returns

// C [side, side] = A B through cuBLAS.
enum class Precision { f32, tf32, bf16 };
// For bf16, a and b hold side * side 16-bit numbers; C stays f32. False where there is no cuBLAS.
bool gemm(Cuda cuda, Precision precision, long side, const void* a, const void* b, float* c);
// Seconds of one empty kernel among `count` in one CUDA graph, by the stream's clock; 0 where there are no graphs.
double seconds_in_graph(Cuda cuda, int count);

}  // namespace heartbeat::bench::ceilings
