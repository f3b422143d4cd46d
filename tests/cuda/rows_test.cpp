// Ops that move and add rows: embedding, segment_reduce, spmm.
#include "kernels/embedding/embedding.h"
#include "kernels/embedding/embedding_spec.h"
#include "kernels/segment_reduce/segment_reduce.h"
#include "kernels/segment_reduce/segment_reduce_spec.h"
#include "kernels/spmm/spmm.h"
#include "kernels/spmm/spmm_spec.h"
#include "tests/support/device_parity.h"

namespace heartbeat::testing {
namespace {

template <class T>
using CudaRows = CudaParity<T>;
TYPED_TEST_SUITE(CudaRows, BothTypes);
template <class T>
using CudaStoredRows = CudaParity<T>;
TYPED_TEST_SUITE(CudaStoredRows, StoredTypes);

constexpr long kWidths[] = {1, 31, 32, 33, 70};

TYPED_TEST(CudaRows, EmbeddingMatchesTheSpec) {
  using T = TypeParam;
  const Cuda c = this->stream;
  for (long n : {0, 1, 33, 90})
    for (long d : kWidths) {
      SCOPED_TRACE(::testing::Message() << n << " x " << d);
      constexpr long kWords = 7;
      std::vector<int> ids(n);
      for (long i = 0; i < n; ++i) ids[i] = int(i * i % 5);  // words 2, 3, 5 and 6 never
      const Doubles W = normals<T>(kWords * d, 1), dy = normals<T>(n * d, 2), old = normals<T>(kWords * d, 3);
      const OnDevice<int> dids(c, ids);
      const OnDevice<T> dW(c, W), ddy(c, dy), y(c, n * d), sum(c, old);
      kernels::embedding<T>(c, dids.data(), dW.matrix(kWords, d), y.matrix(n, d));
      kernels::embedding_adjoint_accumulate<T>(c, dids.data(), ddy.matrix(n, d), sum.matrix(kWords, d));
      Doubles want(n * d), want_sum(old);
      kernels::embedding_spec(ids.data(), {W.data(), kWords, d}, {want.data(), n, d});
      kernels::embedding_adjoint_spec(ids.data(), {dy.data(), n, d}, {want_sum.data(), kWords, d});
      expect_parity(y, want, "embedding");
      expect_parity(sum, want_sum, "embedding_adjoint_accumulate");
    }
}

TYPED_TEST(CudaRows, SegmentReduceMatchesTheSpec) {
  using T = TypeParam;
  using kernels::Reduce;
  const Cuda c = this->stream;
  const std::vector<std::vector<int>> cases = {{0}, {0, 0}, {0, 1}, {0, 31, 31, 64, 97, 97, 98}};
  for (const auto& offsets : cases)
    for (long d : kWidths)
      for (Reduce how : {Reduce::sum, Reduce::mean}) {
        SCOPED_TRACE(::testing::Message() << offsets.size() - 1 << " segments x " << d << " mean " << int(how));
        const long s = long(offsets.size()) - 1, n = offsets.back();
        const Doubles x = normals<T>(n * d, 1), dy = normals<T>(s * d, 2), old = normals<T>(n * d, 3);
        const OnDevice<int> doffsets(c, offsets);
        const OnDevice<T> dx(c, x), ddy(c, dy), y(c, s * d), back(c, old);
        kernels::segment_reduce<T>(c, how, doffsets.data(), dx.matrix(n, d), y.matrix(s, d));
        kernels::segment_reduce_adjoint_accumulate<T>(c, how, doffsets.data(), ddy.matrix(s, d), back.matrix(n, d));
        Doubles want(s * d), want_back(old);
        kernels::segment_reduce_spec(how, offsets.data(), {x.data(), n, d}, {want.data(), s, d});
        for (long k = 0; k < s; ++k)
          for (int i = offsets[k]; i < offsets[k + 1]; ++i)
            for (long j = 0; j < d; ++j)
              want_back[i * d + j] += dy[k * d + j] / (how == Reduce::mean ? offsets[k + 1] - offsets[k] : 1);
        expect_parity(y, want, "segment_reduce");
        expect_parity(back, want_back, "segment_reduce_adjoint_accumulate");
      }
}

// Not symmetric, with empty rows and a hub.
struct Edges {
  std::vector<int> row_ptr{0}, col_idx;
  std::vector<float> values;
};
Edges some_edges(long rows, long cols) {
  Edges g;
  std::mt19937 engine(4);
  for (long i = 0; i < rows; ++i) {
    for (long j = 0; j < cols; ++j)
      if (i == 0 || (i % 5 != 3 && engine() % 8 == 0)) {
        g.col_idx.push_back(int(j));
        g.values.push_back(float(engine() % 100) / 50 - 1);
      }
    g.row_ptr.push_back(int(g.col_idx.size()));
  }
  return g;
}

TYPED_TEST(CudaStoredRows, SpmmMatchesTheSpec) {
  using T = TypeParam;
  const Cuda c = this->stream;
  for (long rows : {0, 1, 31, 33})
    for (long d : kWidths) {
      SCOPED_TRACE(::testing::Message() << rows << " rows x " << d);
      const long cols = rows + 20;
      const Edges g = some_edges(rows, cols);
      const Csr host{g.row_ptr.data(), g.col_idx.data(), g.values.data(), rows, cols};
      const OnDevice<int> row_ptr(c, g.row_ptr), col_idx(c, g.col_idx);
      const OnDevice<float> values(c, g.values);
      const Csr device{row_ptr.data(), col_idx.data(), values.data(), rows, cols};
      const Doubles x = normals<T>(cols * d, 1), old = normals<T>(rows * d, 2);
      const OnDevice<T> dx(c, x), y(c, rows * d), added(c, old);
      kernels::spmm<T>(c, device, dx.matrix(cols, d), y.matrix(rows, d));
      kernels::spmm_accumulate<T>(c, device, dx.matrix(cols, d), added.matrix(rows, d));
      Doubles want(rows * d);
      kernels::spmm_spec(host, {x.data(), cols, d}, {want.data(), rows, d});
      expect_parity(y, want, "spmm");
      expect_parity(added, plus(old, want), "spmm_accumulate");
    }
}

TYPED_TEST(CudaRows, NotANumberReachesItsNeighboursOnly) {
  using T = TypeParam;
  const Cuda c = this->stream;
  const OnDevice<int> row_ptr(c, std::vector<int>{0, 1, 2, 2}), col_idx(c, std::vector<int>{1, 2});
  const OnDevice<float> values(c, std::vector<float>{1, 1});
  const OnDevice<T> x(c, Doubles{1, NAN, INFINITY}), y(c, 3);
  kernels::spmm<T>(c, {row_ptr.data(), col_idx.data(), values.data(), 3, 3}, x.matrix(3, 1), y.matrix(3, 1));
  const auto got = y.host();
  EXPECT_TRUE(std::isnan(got[0]));
  EXPECT_EQ(got[1], T(INFINITY));
  EXPECT_EQ(got[2], 0);
}

// The view of a matrix of which only the rows from `first` on are in memory: row r is at the address that r * cols
// elements from the start have, more than 2^31 elements away. Kernels that touch nothing else may read it, if they
// count in 64 bits.
template <class T>
Matrix<T> far_rows(const OnDevice<T>& there, long first, long cols) {
  const std::uintptr_t start =
      reinterpret_cast<std::uintptr_t>(there.data()) - std::uintptr_t(first * cols) * sizeof(T);
  return {reinterpret_cast<T*>(start), first + there.size() / cols, cols};
}

TYPED_TEST(CudaRows, OffsetsGoBeyond32Bits) {
  using T = TypeParam;
  const Cuda c = this->stream;
  constexpr long d = 33, first = (1L << 32) / d + 5, n = 4;  // elements 2^32 and more
  const Doubles x = normals<T>(n * d, 1);
  const OnDevice<T> dx(c, x), y(c, n * d), embedded(c, n * d);
  const Matrix<const T> far = far_rows(dx, first, d);
  const std::vector<int> rows = {int(first + 2), int(first), int(first + 3), int(first + 1)}, from = {2, 0, 3, 1};
  const OnDevice<int> row_ptr(c, std::vector<int>{0, 1, 2, 3, 4}), index(c, rows);
  const OnDevice<float> ones(c, std::vector<float>(n, 1));
  kernels::spmm<T>(c, {row_ptr.data(), index.data(), ones.data(), n, far.rows}, far, y.matrix(n, d));
  kernels::embedding<T>(c, index.data(), far, embedded.matrix(n, d));
  Doubles want;
  for (int r : from) want.insert(want.end(), x.begin() + r * d, x.begin() + (r + 1) * d);
  expect_parity(y, want, "spmm");
  expect_parity(embedded, want, "embedding");
}

}  // namespace
}  // namespace heartbeat::testing
