#include "kernels/common/recording.h"

#include <algorithm>
#include <mutex>
#include <numeric>

namespace heartbeat::cuda {
namespace {

Recording* current = nullptr;

struct Owners {
  std::mutex mutex;
  std::unordered_map<void*, std::shared_ptr<Arena>> of;
};
Owners& owners() {
  static Owners* instance = new Owners;  // tensors of static storage may outlive every other static
  return *instance;
}

std::size_t rounded_up(std::size_t bytes, std::size_t to) {
  return (std::max<std::size_t>(bytes, 1) + to - 1) / to * to;
}

}  // namespace

Arena::~Arena() {
  for (const auto& [first, bytes] : slabs_) give_back_(first);
}

std::size_t Arena::bytes() const {
  return std::accumulate(slabs_.begin(), slabs_.end(), std::size_t{0},
                         [](std::size_t sum, const auto& slab) { return sum + slab.second; });
}

// The smallest free piece that is large enough.
void* Arena::allocate(std::size_t bytes) {
  bytes = rounded_up(bytes, kAlignment);
  auto best = free_.end();
  for (auto it = free_.begin(); it != free_.end(); ++it)
    if (it->second >= bytes && (best == free_.end() || it->second < best->second)) best = it;
  if (best == free_.end()) {
    // The last bytes of a slab are never given out, so that free pieces of two slabs never touch and never join.
    const std::size_t whole = std::max(slab_, bytes + kAlignment);
    auto* first = static_cast<std::byte*>(take_(whole));
    slabs_.emplace_back(first, whole);
    best = free_.emplace(first, whole - kAlignment).first;
  }
  const auto [first, size] = *best;
  free_.erase(best);
  if (size > bytes) free_.emplace(first + bytes, size - bytes);
  allocated_[first] = bytes;
  return first;
}

void Arena::release(void* pointer) {
  const auto it = allocated_.find(pointer);
  if (it == allocated_.end()) throw std::invalid_argument("cuda::release: not a live device pointer");
  add_free(static_cast<std::byte*>(pointer), it->second);
  allocated_.erase(it);
}

void Arena::add_free(std::byte* first, std::size_t bytes) {
  const auto after = free_.lower_bound(first);
  if (after != free_.end() && first + bytes == after->first) {
    bytes += after->second;
    free_.erase(after);
  }
  const auto next = free_.lower_bound(first);
  if (next != free_.begin())
    if (const auto before = std::prev(next); before->first + before->second == first) {
      before->second += bytes;
      return;
    }
  free_.emplace(first, bytes);
}

void* Recording::allocate(std::size_t bytes) {
  void* pointer = arena->allocate(bytes);
  const std::lock_guard lock(owners().mutex);
  owners().of[pointer] = arena;
  return pointer;
}

const void* Recording::keep_constant(const void* host, std::size_t bytes) {
  const auto* first = static_cast<const std::byte*>(host);
  constants.push_back({constant_arena->allocate(bytes), {first, first + bytes}});
  return constants.back().device;
}

Recording* recording_on(Cuda stream) {
  return current && current->stream.stream == stream.stream ? current : nullptr;
}

RecordingScope::RecordingScope(Recording& recording) {
  if (current) throw NotRecordable("another step is being recorded");
  current = &recording;
}
RecordingScope::~RecordingScope() {
  current = nullptr;
}

bool release_to_arena(void* pointer) {
  std::shared_ptr<Arena> arena;  // perhaps its last owner: slabs are given back outside the lock
  const std::lock_guard lock(owners().mutex);
  const auto it = owners().of.find(pointer);
  if (it == owners().of.end()) return false;
  arena = std::move(it->second);
  owners().of.erase(it);
  arena->release(pointer);
  return true;
}

}  // namespace heartbeat::cuda
