// Whole numbers that ops read beside tensors: tokens, labels, offsets of segments.
#pragma once

#include <memory>
#include <vector>

#include "kernels/common/mirror.h"

namespace heartbeat {

// A shared, constant list. Copies share the mirror on a GPU, too.
class Ids {
 public:
  Ids() = default;
  Ids(std::shared_ptr<const std::vector<int>> ids) : ids_(std::move(ids)), mirror_(std::make_shared<Mirror<int>>()) {}
  Ids(std::shared_ptr<std::vector<int>> ids) : Ids(std::shared_ptr<const std::vector<int>>(std::move(ids))) {}

  const std::vector<int>& operator*() const { return *ids_; }
  const std::vector<int>* operator->() const { return ids_.get(); }

  // For kernels on the device of this tag.
  template <class DeviceTag>
  const int* on(DeviceTag device) const {
    return mirror_->of(device, *ids_);
  }

 private:
  std::shared_ptr<const std::vector<int>> ids_;
  std::shared_ptr<Mirror<int>> mirror_;
};

}  // namespace heartbeat
