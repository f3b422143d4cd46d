#include "autograd/pick_device.h"

#include "kernels/common/error.h"
#if HEARTBEAT_CUDA
#include "kernels/common/device.h"
#endif

namespace heartbeat {

Device pick_device(const std::string& name) {
  if (name == "cpu") return Device::cpu;
#if HEARTBEAT_CUDA
  const std::string reason = cuda::why_unusable();
  const bool emulated = cuda::kEmulated;
#else
  const std::string reason = "this build has no CUDA (configure it with -DHEARTBEAT_CUDA=cuda)";
  const bool emulated = false;
#endif
  if (name == "auto") return reason.empty() && !emulated ? Device::cuda : Device::cpu;
  if (name != "cuda") throw UserError("device '" + name + "' is not known; choose auto, cpu or cuda");
  if (!reason.empty()) throw UserError("--device cuda: " + reason + "; or use --device cpu");
  return Device::cuda;
}

}  // namespace heartbeat
