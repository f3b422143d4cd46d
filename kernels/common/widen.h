// Rows that are stored narrowly, as CPU kernels compute with them: copies in Acc<T> that stay in cache. Where T is its
// own Acc<T> nothing is copied.
#pragma once

#include <algorithm>
#include <memory>

#include "kernels/common/base.h"

namespace heartbeat {

// to = value, rounded. Through the bits, since GCC 12 leaves a loop alone that assigns a struct.
template <class T>
void put(Acc<T> value, T& to) {
  if constexpr (kIsNarrow<T>)
    to.bits = bf16_bits(value);
  else
    to = value;
}

template <class T>
void widen(const T* from, long n, Acc<T>* to) {
#pragma omp simd
  for (long k = 0; k < n; ++k) to[k] = Acc<T>(from[k]);
}
template <class T>
void round_into(const Acc<T>* from, long n, T* to) {
#pragma omp simd
  for (long k = 0; k < n; ++k) put(from[k], to[k]);
}

// n elements, to be read.
template <class T>
class Widened {
 public:
  Widened(const T* from, long n) {
    if constexpr (kIsNarrow<T>) {
      copy_ = std::make_unique_for_overwrite<Acc<T>[]>(n);
      widen(from, n, copy_.get());
      data_ = copy_.get();
    } else
      data_ = from;
  }
  const Acc<T>* data() const { return data_; }

 private:
  std::unique_ptr<Acc<T>[]> copy_;
  const Acc<T>* data_;
};

// n elements, to be written: what is in data() when store() is called. With `read` they start from what is there.
template <class T>
class Rounded {
 public:
  Rounded(T* to, long n, bool read) : to_(to), n_(n) {
    if constexpr (kIsNarrow<T>) {
      copy_ = std::make_unique_for_overwrite<Acc<T>[]>(n);
      if (read) widen<T>(to, n, copy_.get());
    }
  }
  Acc<T>* data() {
    if constexpr (kIsNarrow<T>)
      return copy_.get();
    else
      return to_;
  }
  void store() {
    if constexpr (kIsNarrow<T>) round_into(copy_.get(), n_, to_);
  }

 private:
  T* to_;
  long n_;
  std::unique_ptr<Acc<T>[]> copy_;
};

}  // namespace heartbeat
