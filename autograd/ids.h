// Whole numbers that ops read beside tensors: tokens, labels, offsets of segments.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "kernels/common/mirror.h"

namespace heartbeat {

// A shared list, constant but for assign(). Copies share the mirror on a GPU, too.
class Ids {
 public:
  Ids() = default;
  Ids(std::shared_ptr<const std::vector<int>> ids) : ids_(std::move(ids)), mirror_(std::make_shared<Mirror<int>>()) {}
  Ids(std::shared_ptr<std::vector<int>> ids) : Ids(std::shared_ptr<const std::vector<int>>(ids)) {
    own_ = std::move(ids);
  }

  const std::vector<int>& operator*() const { return *ids_; }
  const std::vector<int>* operator->() const { return ids_.get(); }

  // As many other numbers, in this list and all its copies, on the host and at the same place of a GPU: what a recorded
  // step reads at its next replay. Throws std::invalid_argument for a list of another length, or one made constant.
  void assign(const std::vector<int>& ids) const {
    if (!own_ || own_->size() != ids.size())
      throw std::invalid_argument("ids: " + std::to_string(ids.size()) + " numbers cannot replace " +
                                  (own_ ? std::to_string(own_->size()) : "those of a constant list"));
    *own_ = ids;
#if HEARTBEAT_CUDA
    mirror_->assign(ids);
#endif
  }

  // For kernels on the device of this tag.
  template <class DeviceTag>
  const int* on(DeviceTag device) const {
    return mirror_->of(device, *ids_);
  }

 private:
  std::shared_ptr<const std::vector<int>> ids_;
  std::shared_ptr<std::vector<int>> own_;  // the same, where it may change
  std::shared_ptr<Mirror<int>> mirror_;
};

}  // namespace heartbeat
