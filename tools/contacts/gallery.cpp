#include "tools/contacts/gallery.h"

#include <fmt/format.h>

namespace heartbeat {
namespace {

constexpr const char* kStyle = R"(
:root { color-scheme: light; }
body { font: 15px/1.5 "DejaVu Sans", "Segoe UI", Helvetica, Arial, sans-serif; color: #222; background: #f4f4f2;
       max-width: 1180px; margin: 0 auto; padding: 36px 24px 80px; }
h1 { font-size: 24px; margin: 0 0 4px; } h2 { font-size: 17px; margin: 0; overflow-wrap: anywhere; }
p { margin: 2px 0 10px; color: #666; } a { color: #2f6db5; text-decoration: none; } a:hover { text-decoration: underline; }
section { background: #fff; border: 1px solid #e2e2de; border-radius: 8px; padding: 18px 22px; margin-top: 22px; }
img { display: block; max-width: 100%; height: auto; margin: 8px auto; }
.files a { margin-right: 12px; white-space: nowrap; }
)";

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  return out;
}

std::string links_of(const std::vector<std::pair<std::string, std::string>>& files) {
  std::string out = "<p class=\"files\">";
  for (const auto& [words, path] : files) out += fmt::format("<a href=\"{}\">{}</a> ", escaped(path), escaped(words));
  return out + "</p>\n";
}

}  // namespace

std::string gallery_page(const std::string& title, const std::string& about, const std::vector<GalleryEntry>& entries,
                         const std::vector<std::pair<std::string, std::string>>& links) {
  std::string out = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">\n<meta name=\"viewport\" "
      "content=\"width=device-width\">\n<title>{0}</title>\n<style>{1}</style></head>\n<body>\n<h1>{0}</h1>\n<p>{2}</"
      "p>\n",
      escaped(title), kStyle, escaped(about));
  if (!links.empty()) out += links_of(links);
  for (const GalleryEntry& entry : entries) {
    out += fmt::format("<section>\n<h2>{}</h2>\n<p>{}</p>\n", escaped(entry.id), escaped(entry.about));
    if (!entry.picture.empty())
      out += fmt::format("<a href=\"{}\"><img loading=\"lazy\" src=\"{}\" alt=\"contact map of {}\"></a>\n",
                         escaped(entry.picture_link), escaped(entry.picture), escaped(entry.id));
    out += links_of(entry.files) + "</section>\n";
  }
  return out + "</body>\n</html>\n";
}

}  // namespace heartbeat
