#include "kernels/contact_loss/contact_loss.h"

#include <numeric>

#include "autograd/ops.h"
#include "autograd/tape.h"

namespace heartbeat {
namespace {

kernels::ContactLabels checked(const Layout& layout, const Tensor& logits, const ContactTargets& t) {
  const char* const op = "contact_loss";
  const long K = logits.cols();
  expect(op, logits.rows() == layout->pairs(), "logits have ", logits.rows(), " rows, but the batch has ",
         layout->pairs(), " pairs");
  expect(op, long(t.positive.size()) == layout->pairs() && long(t.valid.size()) == layout->pairs(), "targets speak of ",
         t.positive.size(), " positive and ", t.valid.size(), " valid pairs, but the batch has ", layout->pairs());
  expect(op, K <= kernels::kMaxContactChannels, "logits have ", K, " channels; a label holds ",
         kernels::kMaxContactChannels);
  expect(op, long(t.positive_weight.size()) == K && long(t.channel_weight.size()) == K, "targets weigh ",
         t.positive_weight.size(), " and ", t.channel_weight.size(), " channels, but logits have ", K);
  return {t.positive.data(), t.valid.data(), t.positive_weight.data(), t.channel_weight.data()};
}

}  // namespace

Tensor contact_loss(const Layout& layout, const Tensor& logits, const std::shared_ptr<const ContactTargets>& targets) {
  const kernels::ContactLabels labels = checked(layout, logits, *targets);
  // The gradient for dy = 1, made in the same pass as the loss; none is made where nobody will ask for it.
  const Tensor slope = tape().wants(logits) ? Tensor(logits.shape(), logits.dtype(), logits.device()) : Tensor();
  std::vector<double> by_channel(logits.cols());
  dispatch(logits.device(), logits.dtype(), [&]<class T>(auto device, Type<T>) {
    kernels::contact_loss<T>(device, layout->view(), logits.value<T>(), labels, by_channel.data(),
                             slope.defined() ? slope.value<T>() : Matrix<T>{});
  });
  const double sum = std::accumulate(by_channel.begin(), by_channel.end(), 0.0);
  Tensor loss = Tensor::full({1}, sum, logits.dtype(), logits.device());

  if (slope.defined())
    tape().record("contact_loss", loss, [logits, slope, loss] {
      dispatch(logits.device(), logits.dtype(), [&]<class T>(auto, Type<T>) {
        const T dy = *loss.grad<T>().data;
        const T* from = slope.data<T>();
        T* to = logits.grad<T>().data;
#pragma omp simd
        for (long e = 0; e < logits.numel(); ++e) to[e] += dy * from[e];
      });
    });
  return loss;
}

std::vector<double> contact_loss_by_channel(const Layout& layout, const Tensor& logits, const ContactTargets& targets) {
  const kernels::ContactLabels labels = checked(layout, logits, targets);
  std::vector<double> by_channel(logits.cols());
  dispatch(logits.device(), logits.dtype(), [&]<class T>(auto device, Type<T>) {
    kernels::contact_loss<T>(device, layout->view(), logits.value<T>(), labels, by_channel.data(), Matrix<T>{});
  });
  return by_channel;
}

}  // namespace heartbeat
