// The pass that SGD and AdamW share: one parallel loop over the chunks of all tensors, block by block. A block of
// value, gradient and update is in L1 when the rule has touched it, so the heartbeat costs no memory traffic there.
#pragma once

#include "kernels/common/optimizer_step.h"
#include "kernels/histogram/tally.h"

namespace heartbeat::kernels {

// rule(tensor) prepares the coefficients of one tensor and returns step(first, n, g), which updates elements
// [first, first + n) of value and state from the gradients g [n], clipped already.
template <class T, class Tensor, class Rule>
void watched_update(const ChunkTable& table, std::span<const Tensor> tensors, const StepOptions& options,
                    const Watch& watch, Rule rule) {
  constexpr long kBlock = Tally<T>::kBlock;
  const bool clip = options.clip_factor != 1;
  const T factor = T(options.clip_factor);
  const auto slots_of = [&](std::span<TensorStats> stats) {
    return std::vector<TensorStats>(stats.empty() ? 0 : table.slots);
  };
  auto parameter_slots = slots_of(watch.parameter), gradient_slots = slots_of(watch.gradient);
  auto update_slots = slots_of(watch.update), clipped_slots = slots_of(watch.clipped);

#pragma omp parallel if (table.is_large())
  {
    Tally<T> parameter, gradient, update, clipped;
    T before[kBlock], scaled[kBlock];
#pragma omp for schedule(dynamic)
    for (size_t k = 0; k < table.chunks.size(); ++k) {
      const Chunk& chunk = table.chunks[k];
      const Tensor& tensor = tensors[chunk.tensor];
      const bool has_gradient = tensor.gradient != nullptr;
      const bool watch_parameter = tensor.watched && !watch.parameter.empty();
      const bool watch_gradient = tensor.watched && !watch.gradient.empty();
      const bool watch_update = tensor.watched && !watch.update.empty();
      const bool watch_clipped = tensor.watched && !watch.clipped.empty();
      const auto step = rule(tensor);

      for (long at = chunk.first, end = at + chunk.count; at < end; at += kBlock) {
        const long n = std::min(kBlock, end - at);
        T* value = tensor.value + at;
        const T* g = has_gradient ? tensor.gradient + at : nullptr;
        if (watch_parameter) parameter.add(value, n);
        if (watch_gradient && g) gradient.add(g, n);
        if (clip && g) {
#pragma omp simd
          for (long i = 0; i < n; ++i) scaled[i] = g[i] * factor;
          g = scaled;
        }
        if (watch_clipped && g) clipped.add(g, n);
        if (watch_update) std::copy_n(value, n, before);
        if (g && !options.skip) step(at, n, g);
        if (watch_update) {
#pragma omp simd
          for (long i = 0; i < n; ++i) before[i] = value[i] - before[i];
          update.add(before, n);
        }
        if (options.zero_gradients && has_gradient) std::fill_n(tensor.gradient + at, n, T(0));
      }
      if (watch_parameter) parameter.move_to(destination(chunk, watch.parameter, parameter_slots));
      if (watch_gradient) gradient.move_to(destination(chunk, watch.gradient, gradient_slots));
      if (watch_update) update.move_to(destination(chunk, watch.update, update_slots));
      if (watch_clipped) clipped.move_to(destination(chunk, watch.clipped, clipped_slots));
    }
  }
  const auto watched = [&](long t) { return tensors[t].watched; };
  if (!watch.parameter.empty()) merge_slots(table, parameter_slots, watch.parameter, watched);
  if (!watch.gradient.empty()) merge_slots(table, gradient_slots, watch.gradient, watched);
  if (!watch.update.empty()) merge_slots(table, update_slots, watch.update, watched);
  if (!watch.clipped.empty()) merge_slots(table, clipped_slots, watch.clipped, watched);
}

}  // namespace heartbeat::kernels
