#include <cublas_v2.h>
#include <cuda_runtime.h>
#include <cusparse.h>

#include <cub/device/device_histogram.cuh>
#include <stdexcept>

#include "bench/peers/nvidia.h"
#include "kernels/common/device.h"

namespace heartbeat::bench::nvidia {
namespace {

cudaStream_t stream() {
  return reinterpret_cast<cudaStream_t>(cuda::compute_stream().stream);
}
template <class Status>
void check(Status status, const char* call) {
  if (int(status) != 0)
    throw std::runtime_error(std::string(call) + " failed with status " + std::to_string(int(status)));
}

// Device memory for the life of a plan.
class Bytes {
 public:
  explicit Bytes(std::size_t n) : data_(n ? cuda::allocate(cuda::compute_stream(), n) : nullptr) {}
  ~Bytes() {
    if (data_) cuda::release(cuda::compute_stream(), data_);
  }
  Bytes(Bytes&& other) noexcept : data_(std::exchange(other.data_, nullptr)) {}
  void* data() const { return data_; }

 private:
  void* data_;
};

std::string dotted(int major, int minor, int patch) {
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
}

}  // namespace

struct Spmm::Plan {
  struct Variant {
    std::string name;
    cusparseSpMatDescr_t matrix;
    cusparseSpMMAlg_t algorithm;
    Bytes workspace;
  };

  Plan(const Graph& graph, const float* x, float* y, long channels) : row_of_entry(graph.edges() * sizeof(int)) {
    check(cusparseCreate(&handle), "cusparseCreate");
    check(cusparseSetStream(handle, stream()), "cusparseSetStream");
    const long n = graph.nodes(), nnz = graph.edges();
    const Csr on_host = graph.adjacency(), a = graph.adjacency(cuda::compute_stream());
    std::vector<int> rows;
    for (long i = 0; i < n; ++i) rows.insert(rows.end(), on_host.row_ptr[i + 1] - on_host.row_ptr[i], int(i));
    cuda::upload(cuda::compute_stream(), row_of_entry.data(), rows.data(), rows.size() * sizeof(int));

    check(cusparseCreateCsr(&csr, n, n, nnz, const_cast<int*>(a.row_ptr), const_cast<int*>(a.col_idx),
                            const_cast<float*>(a.values), CUSPARSE_INDEX_32I, CUSPARSE_INDEX_32I,
                            CUSPARSE_INDEX_BASE_ZERO, CUDA_R_32F),
          "cusparseCreateCsr");
    check(cusparseCreateCoo(&coo, n, n, nnz, row_of_entry.data(), const_cast<int*>(a.col_idx),
                            const_cast<float*>(a.values), CUSPARSE_INDEX_32I, CUSPARSE_INDEX_BASE_ZERO, CUDA_R_32F),
          "cusparseCreateCoo");
    check(cusparseCreateDnMat(&X, n, channels, channels, const_cast<float*>(x), CUDA_R_32F, CUSPARSE_ORDER_ROW),
          "cusparseCreateDnMat");
    check(cusparseCreateDnMat(&Y, n, channels, channels, y, CUDA_R_32F, CUSPARSE_ORDER_ROW), "cusparseCreateDnMat");

    int major = 0, minor = 0, patch = 0;
    cusparseGetProperty(MAJOR_VERSION, &major);
    cusparseGetProperty(MINOR_VERSION, &minor);
    cusparseGetProperty(PATCH_LEVEL, &patch);
    const std::string library = "cuSPARSE " + dotted(major, minor, patch) + " ";
    add(library + "CSR_ALG1", csr, CUSPARSE_SPMM_CSR_ALG1, false);
    add(library + "CSR_ALG1 preprocessed", csr, CUSPARSE_SPMM_CSR_ALG1, true);
    add(library + "CSR_ALG2", csr, CUSPARSE_SPMM_CSR_ALG2, false);
    add(library + "CSR_ALG3", csr, CUSPARSE_SPMM_CSR_ALG3, false);
    add(library + "CSR_ALG3 preprocessed", csr, CUSPARSE_SPMM_CSR_ALG3, true);
    add(library + "COO_ALG4", coo, CUSPARSE_SPMM_COO_ALG4, false);
  }
  ~Plan() {
    cusparseDestroySpMat(csr);
    cusparseDestroySpMat(coo);
    cusparseDestroyDnMat(X);
    cusparseDestroyDnMat(Y);
    cusparseDestroy(handle);
  }

  // An algorithm that refuses this matrix is left out.
  void add(const std::string& name, cusparseSpMatDescr_t matrix, cusparseSpMMAlg_t algorithm, bool preprocessed) {
    const auto none = CUSPARSE_OPERATION_NON_TRANSPOSE;
    std::size_t bytes = 0;
    if (cusparseSpMM_bufferSize(handle, none, none, &one, matrix, X, &zero, Y, CUDA_R_32F, algorithm, &bytes) !=
        CUSPARSE_STATUS_SUCCESS)
      return;
    variants.push_back({name, matrix, algorithm, Bytes(bytes)});
    if (preprocessed && cusparseSpMM_preprocess(handle, none, none, &one, matrix, X, &zero, Y, CUDA_R_32F, algorithm,
                                                variants.back().workspace.data()) != CUSPARSE_STATUS_SUCCESS)
      variants.pop_back();
  }

  const float one = 1, zero = 0;
  cusparseHandle_t handle = nullptr;
  Bytes row_of_entry;
  cusparseSpMatDescr_t csr = nullptr, coo = nullptr;
  cusparseDnMatDescr_t X = nullptr, Y = nullptr;
  std::vector<Variant> variants;
};

Spmm::Spmm(const Graph& graph, const float* x, float* y, long channels)
    : plan_(device() == Device::cuda ? std::make_unique<Plan>(graph, x, y, channels) : nullptr) {}
Spmm::~Spmm() = default;

std::vector<Peer> Spmm::algorithms() const {
  std::vector<Peer> peers;
  if (!plan_) return peers;
  for (size_t k = 0; k < plan_->variants.size(); ++k)
    peers.push_back({plan_->variants[k].name, [p = plan_.get(), k] {
                       const auto none = CUSPARSE_OPERATION_NON_TRANSPOSE;
                       const Plan::Variant& v = p->variants[k];
                       check(cusparseSpMM(p->handle, none, none, &p->one, v.matrix, p->X, &p->zero, p->Y, CUDA_R_32F,
                                          v.algorithm, v.workspace.data()),
                             "cusparseSpMM");
                     }});
  return peers;
}

struct Histogram::Plan {
  std::vector<const float*> tensors;
  int n, levels;
  Bytes counts, workspace;
  std::size_t workspace_bytes;
};

Histogram::Histogram(const std::vector<const float*>& tensors, long n, int bins) {
  if (device() != Device::cuda || n > (1L << 30)) return;
  std::size_t bytes = 0;
  check(cub::DeviceHistogram::HistogramEven(nullptr, bytes, tensors[0], static_cast<int*>(nullptr), bins + 1, -1.f, 1.f,
                                            int(n), stream()),
        "HistogramEven");
  plan_.reset(new Plan{tensors, int(n), bins + 1, Bytes(tensors.size() * bins * sizeof(int)), Bytes(bytes), bytes});
}
Histogram::~Histogram() = default;

std::vector<Peer> Histogram::peers() const {
  if (!plan_) return {};
  return {{"CUB " + dotted(CUB_MAJOR_VERSION, CUB_MINOR_VERSION, CUB_SUBMINOR_VERSION) + " HistogramEven",
           [p = plan_.get()] {
             for (size_t t = 0; t < p->tensors.size(); ++t)
               check(cub::DeviceHistogram::HistogramEven(p->workspace.data(), p->workspace_bytes, p->tensors[t],
                                                         static_cast<int*>(p->counts.data()) + t * (p->levels - 1),
                                                         p->levels, -1.f, 1.f, p->n, stream()),
                     "HistogramEven");
           }}};
}

std::string cublas_name() {
  return "cuBLAS " + dotted(CUBLAS_VER_MAJOR, CUBLAS_VER_MINOR, CUBLAS_VER_PATCH) + " sgemm";
}

void sgemm(bool transposed, long m, long n, long k, const Array<float>& a, const Array<float>& b,
           const Array<float>& c) {
  static const cublasHandle_t handle = [] {
    cublasHandle_t h;
    check(cublasCreate(&h), "cublasCreate");
    check(cublasSetStream(h, stream()), "cublasSetStream");
    check(cublasSetMathMode(h, CUBLAS_PEDANTIC_MATH), "cublasSetMathMode");
    return h;
  }();
  const float one = 1, zero = 0;
  // Row-major C = op(A) B is column-major C^T = B^T op(A)^T.
  check(cublasSgemm(handle, CUBLAS_OP_N, transposed ? CUBLAS_OP_T : CUBLAS_OP_N, int(n), int(m), int(k), &one, b.data(),
                    int(n), a.data(), int(transposed ? m : k), &zero, c.data(), int(n)),
        "cublasSgemm");
}

}  // namespace heartbeat::bench::nvidia
