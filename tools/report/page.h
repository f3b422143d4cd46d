// One HTML file without network: style, D3, data and scripts inside.
#pragma once

#include <initializer_list>
#include <string>

namespace heartbeat {

namespace asset {  // text files of this folder, see tools/CMakeLists.txt
extern const char* const page_html;
extern const char* const page_css;
extern const char* const compare_css;
extern const char* const base_js;
extern const char* const bins_js;
extern const char* const panel_js;
extern const char* const chart_js;
extern const char* const histograms_js;
extern const char* const curves_js;
extern const char* const views_js;
extern const char* const ecg_js;
extern const char* const keys_js;
extern const char* const live_js;
extern const char* const maps_js;
extern const char* const page_js;
extern const char* const linked_js;
extern const char* const compare_js;
}  // namespace asset

// data: JSON, which the scripts find as `data`.
std::string make_page(const std::string& title, const std::string& data, std::initializer_list<const char*> styles,
                      std::initializer_list<const char*> scripts);
// UserError where it cannot be written.
void write_page(const std::string& html, const std::string& path);

}  // namespace heartbeat
