#include "tools/report/page.h"

#include <fmt/format.h>

#include <fstream>
#include <string_view>
#include <utility>

#include "kernels/common/error.h"

namespace heartbeat {

namespace asset {
extern const char* const d3_min_js;
}

namespace {

std::string escaped(const std::string& text) {
  std::string out;
  for (char c : text)
    out += c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '&' ? "&amp;" : c == '"' ? "&quot;" : std::string(1, c);
  return out;
}

std::string joined(std::initializer_list<const char*> texts) {
  std::string all;
  for (const char* text : texts) all += text;
  return all;
}

}  // namespace

std::string make_page(const std::string& title, const std::string& data, std::initializer_list<const char*> styles,
                      std::initializer_list<const char*> scripts) {
  // Inside <script> only "<" can end the data; as an escape it is the same JSON.
  std::string safe;
  safe.reserve(data.size());
  for (char c : data) safe += c == '<' ? "\\u003c" : std::string(1, c);

  const std::pair<const char*, std::string> parts[] = {{"{{title}}", escaped(title)},
                                                       {"{{style}}", joined(styles)},
                                                       {"{{d3}}", asset::d3_min_js},
                                                       {"{{data}}", safe},
                                                       {"{{script}}", joined(scripts)}};
  std::string html;
  std::string_view rest = asset::page_html;
  for (const auto& [mark, text] : parts) {  // in the order of the page, so that no text is searched for marks
    const std::size_t at = rest.find(mark);
    html.append(rest.substr(0, at)).append(text);
    rest.remove_prefix(at + std::string_view(mark).size());
  }
  return html.append(rest);
}

void write_page(const std::string& html, const std::string& path) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << html;
  file.close();
  if (!file) throw UserError(fmt::format("the report cannot be written to {}; choose another place with -o", path));
}

}  // namespace heartbeat
