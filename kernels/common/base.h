// The vocabulary of the kernels: element types, raw views and the device they run on. Views own nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace heartbeat {

enum class Dtype : std::uint8_t { f32, f64 };
enum class Device : std::uint8_t { cpu };

// Tag that selects the CPU version of a kernel. The CUDA backend adds its own, which carries a stream.
struct Cpu {};

// The type in which sums over elements of storage type T are kept.
template <class T>
struct AccOf {
  using type = T;
};
template <class T>
using Acc = typename AccOf<std::remove_const_t<T>>::type;

// Dense, row-major, contiguous: element (i, j) is data[i * cols + j].
template <class T>
struct Matrix {
  T* data = nullptr;
  long rows = 0, cols = 0;

  T* row(long i) const { return data + i * cols; }
  long numel() const { return rows * cols; }
  operator Matrix<const T>() const requires(!std::is_const_v<T>) { return {data, rows, cols}; }
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
  return dtype == Dtype::f32 ? 4 : 8;
}
inline const char* name_of(Dtype dtype) {
  return dtype == Dtype::f32 ? "f32" : "f64";
}
inline const char* name_of(Device) {
  return "cpu";
}

template <class T>
constexpr Dtype dtype_of = std::is_same_v<std::remove_const_t<T>, float> ? Dtype::f32 : Dtype::f64;

}  // namespace heartbeat
