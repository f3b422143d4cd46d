#include "autograd/precision.h"

#if HEARTBEAT_CUDA
#include "kernels/common/device.h"
#endif

namespace heartbeat {

std::string use_precision(const std::string& precision, Device device) {
  const bool tf32 = precision == "tf32" && device == Device::cuda;
#if HEARTBEAT_CUDA
  cuda::tf32_products() = tf32;
#endif
  if (tf32) return "products take tensor cores, which read 11 bits of each f32";
  if (precision == "tf32") return "tf32 is f32 on the cpu, which has no tensor cores for it";
  if (precision == "bf16") return "activations and their gradients are stored as bf16, everything else is f32";
  return "";
}

}  // namespace heartbeat
