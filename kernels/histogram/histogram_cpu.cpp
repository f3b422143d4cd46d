#include "kernels/histogram/histogram.h"

#include "kernels/histogram/tally.h"

namespace heartbeat {

void merge(TensorStats& into, const TensorStats& from) {
  if (from.finite()) {
    const bool first = into.finite() == 0;
    into.min = first ? from.min : std::min(into.min, from.min);
    into.max = first ? from.max : std::max(into.max, from.max);
  }
  into.sum += from.sum;
  into.sum_of_squares += from.sum_of_squares;
  into.abs_sum += from.abs_sum;
  for (int b = 0; b < kBins; ++b) into.bins[b] += from.bins[b];
}

namespace kernels {
namespace {

// Integers ordered like the values of their bit patterns, for which min and max are single instructions without the
// cases that NaN makes. The map is its own inverse.
template <class T>
typename BinBits<T>::Int ordered(typename BinBits<T>::Int u) {
  return u ^ ((u >> BinBits<T>::kSignShift) & BinBits<T>::kMagnitude);
}

}  // namespace

template <class T>
void Tally<T>::add(const T* x, long n) {
  using B = BinBits<T>;
  using Int = typename B::Int;
  if (n == 0) return;
  Int low = B::kMagnitude, high = ~B::kMagnitude;
  double sum = 0, squares = 0, magnitudes = 0;
  int bin[kBlock];
#pragma omp simd reduction(min : low) reduction(max : high) reduction(+ : sum, squares, magnitudes)
  for (long i = 0; i < n; ++i) {
    const Int u = std::bit_cast<Int>(x[i]), sign = u >> B::kSignShift, m = u & B::kMagnitude;
    const Int key = ordered<T>(u);
    low = key < low ? key : low;
    high = key > high ? key : high;
    const Int level = (m >> B::kShift) - (B::kBase - 2);
    const Int clamped = level < 1 ? 1 : level > kMagnitudeBins + 2 ? kMagnitudeBins + 2 : level;
    const Int steps = m == 0 ? 0 : clamped;            // bins away from zero's
    bin[i] = int(kZeroBin + ((steps ^ sign) - sign));  // sign is 0 or -1: this negates where x is negative
    const double v = x[i];
    sum += v;
    squares += v * v;
    magnitudes += std::abs(v);
  }
  if (high >= B::kInfinity || low <= ~B::kInfinity) return add_one_by_one(x, n);

  sum_ += sum;
  squares_ += squares;
  magnitudes_ += magnitudes;
  low_ = std::min(low_, double(std::bit_cast<T>(ordered<T>(low))));
  high_ = std::max(high_, double(std::bit_cast<T>(ordered<T>(high))));
  // Gradients cluster in few bins: with one table, each count would wait for the store of the count before it.
  long i = 0;
  for (; i + kCopies <= n; i += kCopies)
    for (int c = 0; c < kCopies; ++c) ++counts_[c][bin[i + c]];
  for (; i < n; ++i) ++counts_[0][bin[i]];
}

// For blocks with NaN or Inf, which are counted but belong to no sum.
template <class T>
void Tally<T>::add_one_by_one(const T* x, long n) {
  for (long i = 0; i < n; ++i) {
    ++counts_[0][bin_of(x[i])];
    const double v = x[i];
    if (!std::isfinite(v)) continue;
    sum_ += v;
    squares_ += v * v;
    magnitudes_ += std::abs(v);
    low_ = std::min(low_, v);
    high_ = std::max(high_, v);
  }
}

template <class T>
void Tally<T>::move_to(TensorStats& out) {
  for (int b = 0; b < kBins; ++b) {
    std::uint32_t n = 0;
    for (int c = 0; c < kCopies; ++c) n += counts_[c][b];
    out.bins[b] = n;
  }
  const bool any = low_ <= high_;
  out.min = any ? low_ : 0;
  out.max = any ? high_ : 0;
  out.sum = sum_;
  out.sum_of_squares = squares_;
  out.abs_sum = magnitudes_;
  *this = Tally();
}

template class Tally<float>;
template class Tally<double>;

template <class T>
void histogram(Cpu, const ChunkTable& table, std::span<const T* const> tensors, std::span<TensorStats> stats) {
  std::vector<TensorStats> slots(table.slots);
#pragma omp parallel if (table.is_large())
  {
    Tally<T> tally;
#pragma omp for schedule(dynamic)
    for (size_t k = 0; k < table.chunks.size(); ++k) {
      const Chunk& chunk = table.chunks[k];
      const T* x = tensors[chunk.tensor] + chunk.first;
      for (long i = 0; i < chunk.count; i += Tally<T>::kBlock)
        tally.add(x + i, std::min(Tally<T>::kBlock, chunk.count - i));
      tally.move_to(destination(chunk, stats, slots));
    }
  }
  merge_slots(table, slots, stats, [](long) { return true; });
}

template <class T>
void histogram(Cpu device, const T* x, long n, TensorStats& stats) {
  histogram<T>(device, ChunkTable({&n, 1}), {&x, 1}, {&stats, 1});
}

template void histogram(Cpu, const float*, long, TensorStats&);
template void histogram(Cpu, const double*, long, TensorStats&);
template void histogram(Cpu, const ChunkTable&, std::span<const float* const>, std::span<TensorStats>);
template void histogram(Cpu, const ChunkTable&, std::span<const double* const>, std::span<TensorStats>);

}  // namespace kernels
}  // namespace heartbeat
