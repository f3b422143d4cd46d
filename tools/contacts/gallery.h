// One page that shows a folder of predictions, without any network.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace heartbeat {

struct GalleryEntry {
  std::string id, about;                                   // about: length, scores
  std::string picture, picture_link;                       // paths from the page, may be empty
  std::vector<std::pair<std::string, std::string>> files;  // words to click and paths from the page
};

// A whole HTML page. links: files about all of them.
std::string gallery_page(const std::string& title, const std::string& about, const std::vector<GalleryEntry>& entries,
                         const std::vector<std::pair<std::string, std::string>>& links);

}  // namespace heartbeat
