// The vocabulary of the kernels: element types, raw views and the device they run on. Views own nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "kernels/common/bf16.h"  // and HOST_DEVICE, for functions that run on the host and on a GPU

namespace heartbeat {

enum class Dtype : std::uint8_t { f32, f64, bf16 };
enum class Device : std::uint8_t { cpu, cuda };

// Tags that select a version of a kernel. Cuda carries the stream on which the work is queued: its kernels return at
// once, read and write device memory, and the views inside their arguments point there.
struct Cpu {};
// With tf32, products of f32 may round their operands to the 11 bits that tensor cores take; sums stay f32.
struct Cuda {
  struct StreamHandle* stream = nullptr;
  bool tf32 = false;
};

// The type in which kernels compute with elements that are stored as T. Activations and their gradients are stored as
// T; parameters, their gradients and statistics are always of type Acc<T>. A result is rounded to T once, where it is
// stored.
template <class T>
struct AccOf {
  using type = T;
};
template <>
struct AccOf<bf16> {
  using type = float;
};
template <class T>
using Acc = typename AccOf<std::remove_const_t<T>>::type;
template <class T>
inline constexpr bool kIsNarrow = !std::is_same_v<std::remove_const_t<T>, Acc<T>>;

// Dense, row-major, contiguous: element (i, j) is data[i * cols + j].
template <class T>
struct Matrix {
  T* data = nullptr;
  long rows = 0, cols = 0;

  HOST_DEVICE T* row(long i) const { return data + i * cols; }
  HOST_DEVICE long numel() const { return rows * cols; }
  HOST_DEVICE operator Matrix<const T>() const requires(!std::is_const_v<T>) { return {data, rows, cols}; }
};

// Compressed sparse rows: the entries of row i are e in [row_ptr[i], row_ptr[i + 1]).
struct Csr {
  const int* row_ptr = nullptr;   // [rows + 1]
  const int* col_idx = nullptr;   // [nnz], ascending within a row
  const float* values = nullptr;  // [nnz]
  long rows = 0, cols = 0;

  long nnz() const { return rows ? row_ptr[rows] : 0; }
};

inline std::size_t size_of(Dtype dtype) {
  return dtype == Dtype::f32 ? 4 : dtype == Dtype::f64 ? 8 : 2;
}
inline const char* name_of(Dtype dtype) {
  return dtype == Dtype::f32 ? "f32" : dtype == Dtype::f64 ? "f64" : "bf16";
}
// Of the parameters beside activations that are stored so: Acc<T> at run time.
inline Dtype acc_of(Dtype dtype) {
  return dtype == Dtype::bf16 ? Dtype::f32 : dtype;
}
inline const char* name_of(Device device) {
  return device == Device::cpu ? "cpu" : "cuda";
}

template <class T>
constexpr Dtype dtype_of = std::is_same_v<std::remove_const_t<T>, float>    ? Dtype::f32
                           : std::is_same_v<std::remove_const_t<T>, double> ? Dtype::f64
                                                                            : Dtype::bf16;

}  // namespace heartbeat
