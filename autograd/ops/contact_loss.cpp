#include "kernels/contact_loss/contact_loss.h"

#include "autograd/ops.h"
#include "autograd/tape.h"
#include "kernels/elementwise/elementwise.h"

namespace heartbeat {
namespace {

void expect_targets(const Layout& layout, const Tensor& logits, const ContactTargets& t) {
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
}

// What each channel adds to the loss [K], in f64; slope, where it is defined, becomes the gradient for dy = 1.
Tensor loss_by_channel(const Layout& layout, const Tensor& logits, const ContactTargets& t, const Tensor& slope) {
  expect_targets(layout, logits, t);
  const Tensor parts({logits.cols()}, Dtype::f64, logits.device());
  dispatch_wide("contact_loss", logits.device(), logits.dtype(), [&]<class T>(auto device, Type<T>) {
    const kernels::ContactLabels labels{t.positive_mirror.of(device, t.positive), t.valid_mirror.of(device, t.valid),
                                        t.positive_weight_mirror.of(device, t.positive_weight),
                                        t.channel_weight_mirror.of(device, t.channel_weight)};
    kernels::contact_loss<T>(device, layout->view(device), logits.value<T>(), labels, parts.data<double>(),
                             slope.defined() ? slope.value<T>() : Matrix<T>{});
  });
  return parts;
}

}  // namespace

Tensor contact_loss(const Layout& layout, const Tensor& logits, const std::shared_ptr<const ContactTargets>& targets) {
  // Made in the same pass as the loss; none is made where nobody will ask for it.
  const Tensor slope = tape().wants(logits) ? Tensor(logits.shape(), logits.dtype(), logits.device()) : Tensor();
  const Tensor parts = loss_by_channel(layout, logits, *targets, slope);
  Tensor loss({1}, logits.dtype(), logits.device());
  dispatch_wide("contact_loss", logits.device(), logits.dtype(), [&]<class T>(auto device, Type<T>) {
    kernels::sum_of_terms<T>(device, parts.data<double>(), parts.numel(), loss.data<T>());
  });

  if (slope.defined())
    tape().record("contact_loss", loss, [logits, slope, loss] {
      dispatch_wide("contact_loss", logits.device(), logits.dtype(), [&]<class T>(auto device, Type<T>) {
        kernels::scale_by_accumulate<T>(device, loss.grad<T>().data, slope.value<T>(), logits.grad<T>());
      });
    });
  return loss;
}

std::vector<double> contact_loss_by_channel(const Layout& layout, const Tensor& logits, const ContactTargets& targets) {
  return loss_by_channel(layout, logits, targets, {}).to_vector();
}

}  // namespace heartbeat
