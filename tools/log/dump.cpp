#include "tools/log/dump.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "kernels/common/error.h"
#include "kernels/histogram/histogram.h"
#include "tools/log/repeatable.h"

namespace heartbeat {
namespace {

using Json = nlohmann::ordered_json;

Json number(double value) {
  return std::isfinite(value) ? Json(value + 0.0) : Json(nullptr);  // + 0.0 turns -0 into 0
}

// JSON has no NaN: the scalar's class speaks.
Json scalar_value(double value) {
  if (std::isfinite(value)) return value;
  return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

class Out {
 public:
  explicit Out(std::FILE* file) : file_(file) {}
  void put(std::string_view text) {
    if (std::fwrite(text.data(), 1, text.size(), file_) != text.size() || std::ferror(file_))
      throw UserError("the dump could not be written; check the space and permissions of its destination");
  }
  void put_json(const Json& json) { put(json.dump(-1, ' ', false, Json::error_handler_t::replace)); }

 private:
  std::FILE* file_;
};

// Statistics that the log keeps, in their order.
std::vector<std::pair<const char*, Json>> statistics(const TensorStats& s) {
  const bool any = s.finite() > 0;
  const auto if_any = [&](double v) { return any ? number(v) : Json(nullptr); };
  return {{"numel", s.count()},
          {"min", if_any(s.min)},
          {"max", if_any(s.max)},
          {"sum", if_any(s.sum)},
          {"sumsq", if_any(s.sum_of_squares)},
          {"abs_sum", if_any(s.abs_sum)},
          {"zero", s.bins[kZeroBin]},
          {"nan", s.bins[kNanBin]},
          {"pinf", s.bins[kPlusInfBin]},
          {"ninf", s.bins[kMinusInfBin]}};
}

// Each record goes to one of two forms; the walk over the log is the same.
class Form {
 public:
  explicit Form(std::FILE* file) : out(file) {}
  virtual ~Form() = default;
  virtual void begin(const char* table) = 0;
  virtual void row(const Json& row) = 0;
  virtual void end() = 0;
  virtual void finish() {}
  Out out;
};

class JsonForm : public Form {
 public:
  using Form::Form;
  void begin(const char* table) override {
    out.put(fmt::format("{}\"{}\": [", tables_++ ? ",\n" : "{\n", table));
    rows_ = 0;
  }
  void row(const Json& row) override {
    out.put(rows_++ ? ",\n" : "\n");
    out.put_json(row);
  }
  void end() override { out.put(rows_ ? "\n]" : "]"); }
  void finish() override { out.put("\n}\n"); }

 private:
  int tables_ = 0;
  long rows_ = 0;
};

// One line for each field of a row; what identifies the row (step, name) is repeated.
class CsvForm : public Form {
 public:
  explicit CsvForm(std::FILE* file) : Form(file) { out.put("record,step,last_step,name,field,low,high,value\n"); }
  void begin(const char* table) override { table_ = table; }
  void row(const Json& row) override {
    const auto part = [&](const char* key) { return row.contains(key) ? cell(row[key]) : std::string(); };
    const std::string name = row.contains("quantity")
                                 ? cell(row["quantity"].get<std::string>() + "/" + row["tensor"].get<std::string>())
                                 : part(row.contains("name") ? "name" : "key");
    const std::string head = fmt::format("{},{},{},{}", table_, part("step"), part("last_step"), name);
    for (const auto& [key, value] : row.items()) {
      if (key == "step" || key == "last_step" || key == "name" || key == "key" || key == "quantity") continue;
      if (key == "tensor" && row.contains("quantity")) continue;
      if (key != "bins") {
        out.put(fmt::format("{},{},,,{}\n", head, key, cell(value)));
        continue;
      }
      for (const Json& bin : value)
        out.put(fmt::format("{},bin,{},{},{}\n", head, cell(bin[0]), cell(bin[1]), cell(bin[2])));
    }
  }
  void end() override {}

 private:
  static std::string cell(const Json& value) {
    if (value.is_null()) return "";
    const std::string text =
        value.is_string() ? value.get<std::string>() : value.dump(-1, ' ', false, Json::error_handler_t::replace);
    if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
    std::string quoted = "\"";
    for (char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
    return quoted + "\"";
  }
  std::string table_;
};

Json watch_row(const WatchRow& w, const std::string& tensor) {
  Json row = {{"step", w.step}, {"last_step", w.last_step}, {"tensor", tensor}, {"quantity", name_of(w.quantity)}};
  for (auto& [name, value] : statistics(w.stats)) row[name] = value;
  Json bins = Json::array();
  for (int index = 0; index < kNanBin; ++index)
    if (w.stats.bins[index])
      bins.push_back({number(bin_low_edge(index)), number(bin_high_edge(index)), w.stats.bins[index]});
  row["bins"] = std::move(bins);
  return row;
}

}  // namespace

void dump(const RunReader& run, const DumpOptions& options, std::FILE* file) {
  const std::unique_ptr<Form> form =
      options.csv ? std::unique_ptr<Form>(std::make_unique<CsvForm>(file)) : std::make_unique<JsonForm>(file);
  const bool times = options.with_times;

  form->begin("meta");
  for (const auto& [key, value] : run.meta())
    if (times || meta_repeats(key))
      form->row({{"key", key}, {"value", !times && key == "config" ? config_without_places(value) : value}});
  form->end();

  std::vector<char> wanted;
  form->begin("tensor");
  for (const TensorRow& t : run.tensors()) {
    wanted.push_back(fnmatch(options.tensor.c_str(), t.name.c_str(), 0) == 0);
    if (wanted.back())
      form->row({{"name", t.name},
                 {"shape", t.shape},
                 {"dtype", t.dtype},
                 {"aliases", t.aliases},
                 {"trainable", t.trainable},
                 {"optimizer_group", t.group},
                 {"module_path", t.module}});
  }
  form->end();

  form->begin("step");
  for (const StepRow& s : run.steps(options.steps)) {
    Json rates = Json::array();
    for (double rate : s.learning_rates) rates.push_back(number(rate));
    Json row = {{"step", s.step},
                {"epoch", number(s.epoch)},
                {"learning_rates", rates},
                {"clip_factor", number(s.clip_factor)},
                {"loss_scale", number(s.loss_scale)},
                {"skipped", s.skipped}};
    if (times) row["wall_time"] = s.wall_time;
    form->row(row);
  }
  form->end();

  form->begin("scalar");
  for (const ScalarRow& s : run.scalars(options.steps))
    if (times || scalar_repeats(s.name))
      form->row({{"step", s.step}, {"name", s.name}, {"value", scalar_value(s.value)}});
  form->end();

  form->begin("watch");
  run.watch(options.steps, [&](const WatchRow& w) {
    if (wanted[w.tensor]) form->row(watch_row(w, run.tensors()[w.tensor].name));
  });
  form->end();

  form->begin("alert");
  for (const AlertRow& a : run.alerts(options.steps))
    if (options.with_times || alert_repeats(a.rule))
      form->row({{"step", a.step},
                 {"rule", a.rule},
                 {"severity", a.severity},
                 {"tensor", a.tensor},
                 {"first_step", a.first_step},
                 {"value", number(a.value)},
                 {"limit", number(a.limit)},
                 {"text", a.text},
                 {"fixes", a.fixes}});
  form->end();

  form->begin("image");
  for (const ImageHandle& i : run.images(options.steps)) {
    std::string hex;
    for (std::uint8_t sample : run.samples(i)) hex += fmt::format("{:02x}", sample);
    form->row({{"step", i.step}, {"name", i.name}, {"width", i.width}, {"height", i.height}, {"samples", hex}});
  }
  form->end();

  form->begin("note");
  for (const NoteRow& n : run.notes(options.steps))
    if (times || note_repeats(n.key)) form->row({{"step", n.step}, {"key", n.key}, {"value", n.value}});
  form->end();
  form->finish();
}

StepRange parse_step_range(const std::string& text) {
  StepRange range;
  const std::size_t colon = text.find(':');
  const auto parse = [&](const std::string& part, long& value) {
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    if (!part.empty() && (error != std::errc() || end != part.data() + part.size()))
      throw std::invalid_argument(
          fmt::format("--steps {} is no range of steps; write 100:200, 100:, :200 or 100", text));
  };
  parse(text.substr(0, colon), range.first);
  if (colon == std::string::npos)
    range.last = range.first;
  else
    parse(text.substr(colon + 1), range.last);
  if (text.empty() || text == ":") range = {};
  return range;
}

}  // namespace heartbeat
