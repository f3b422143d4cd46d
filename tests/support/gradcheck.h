// Gradients against central differences, in double, every coordinate.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>
#include <vector>

#include "autograd/tape.h"
#include "autograd/tensor.h"

namespace heartbeat::testing {

// One bound for all ops. Central differences in double with step 1e-5 stay two orders below it.
inline constexpr double kGradientBound = 1e-7;

// Weight of output element i in the scalar <w, f(x)>: not constant, so a misplaced dy is caught.
inline double seed_weight(long i) {
  return std::sin(double(i + 1));
}

inline Tensor random_normal(Shape shape, Dtype dtype, unsigned seed) {
  Tensor t(std::move(shape), dtype);
  std::mt19937_64 engine(seed);
  std::normal_distribution<double> normal;
  dispatch(t.device(), dtype, [&]<class T>(auto, Type<T>) {
    for (long k = 0; k < t.numel(); ++k) t.data<T>()[k] = T(normal(engine));
  });
  return t;
}

// The largest distance between backward and central differences of <w, f()>, over every coordinate of every input, and
// relative to the larger of the two where they exceed 1. f reads the inputs it has captured.
inline double gradient_gap(std::vector<Tensor> inputs, const std::function<Tensor()>& f) {
  constexpr double kStep = 1e-5;
  const auto weighted = [&] {
    const NoGrad no_grad;
    const Tensor y = f();
    double sum = 0;
    for (long i = 0; i < y.numel(); ++i) sum += seed_weight(i) * y.data<double>()[i];
    return sum;
  };
  for (Tensor& x : inputs) {
    x.set_needs_grad(true);
    x.clear_grad();
  }
  const Tensor y = f();
  Tensor seed(y.shape(), Dtype::f64);
  for (long i = 0; i < y.numel(); ++i) seed.data<double>()[i] = seed_weight(i);
  backward(y, seed);

  double gap = 0;
  for (const Tensor& x : inputs)
    for (long k = 0; k < x.numel(); ++k) {
      double& value = x.data<double>()[k];
      const double kept = value;
      value = kept + kStep;
      const double above = weighted();
      value = kept - kStep;
      const double below = weighted();
      value = kept;
      const double difference = (above - below) / (2 * kStep), gradient = x.grad_at(k);
      const double distance = std::abs(difference - gradient);
      const double size = std::max({1.0, std::abs(difference), std::abs(gradient)});
      gap = std::isfinite(distance) ? std::max(gap, distance / size) : INFINITY;
    }
  return gap;
}

}  // namespace heartbeat::testing
