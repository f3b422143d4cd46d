#include "kernels/spmm/spmm.h"

#include "autograd/ops.h"
#include "autograd/tape.h"

namespace heartbeat {

Tensor spmm(const std::shared_ptr<const Graph>& graph, const Tensor& x) {
  expect("spmm", x.rows() == graph->nodes(), "X has ", x.rows(), " rows, but the graph has ", graph->nodes(), " nodes");

  Tensor y({x.rows(), x.cols()}, x.dtype(), x.device());
  dispatch(x.device(), x.dtype(), [&]<class T>(auto device, Type<T>) {
    kernels::spmm<T>(device, graph->adjacency(device), x.value<T>(), y.value<T>());
  });

  if (tape().wants(x))
    tape().record("spmm", y, [graph, x, y] {
      dispatch(x.device(), x.dtype(), [&]<class T>(auto device, Type<T>) {
        kernels::spmm_accumulate<T>(device, graph->adjacency_transposed(device), y.grad<T>(), x.grad<T>());
      });
    });
  return y;
}

}  // namespace heartbeat
