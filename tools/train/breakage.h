// Runs that are broken on purpose: each fails in one way that the gradients give away. A trainer owns a table of them,
// offers --break=NAME, and asks the chosen one when the model is made, between logits, loss and gradients of a step,
// and for its learning rate. A trainer's table is beside it, as in tools/contacts/breakages.cpp.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "nn/module.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace heartbeat {

struct Breakage {
  struct Setting {
    std::string flag, value;
  };
  struct Factor {
    std::string pattern;  // of the names of tensors, as in --watch-filter
    double factor = 1;
    double doubles = 0;  // twice as large after so many steps again; 0: always the same
    long at = -1;        // at this step only; -1: at all
    double plus = 0;     // added to initial values after that
  };

  std::string name = {};    // empty: nothing is broken
  std::string broken = {};  // one sentence: what is wrong
  std::string look = {};    // one sentence: where it shows
  std::string unfit = {};   // in place of both: why this trainer cannot fail like that

  std::vector<Setting> settings = {};                    // options of the trainer; flags and config file win
  std::vector<Factor> initial = {};                      // on values before the first step
  std::vector<Factor> gradients = {};                    // on gradients before every step; 0 leaves exact zeros
  double load_seconds = 0;                               // what reading a batch takes longer
  long load_at = -1;                                     // at this step only; -1: at all
  std::function<Tensor(const Tensor&)> logits = {};      // what becomes of the logits on their way to the loss
  std::function<Tensor(const Tensor&, long)> loss = {};  // of the loss of so many examples
  double rate_doubles = 0;  // the rate starts at the peak and doubles every so many steps; 0: as scheduled

  explicit operator bool() const { return !name.empty(); }
  void change_initial(const nn::Parameters& parameters) const;
  // step counts from 0
  void change_gradients(const nn::Parameters& parameters, long step) const;
  Tensor change_logits(const Tensor& z) const { return logits ? logits(z) : z; }
  Tensor change_loss(const Tensor& l, long examples) const { return loss ? loss(l, examples) : l; }
  void load(long step) const;  // waits
  double rate(double scheduled, double peak, long step) const;
  // "broken on purpose (mean): ... Look for ..."
  std::string sentence() const;
};

// The entry of that name, or one that breaks nothing where the name is empty. UserError, naming the choices, where
// there is none, and where it does not fit.
Breakage find_breakage(std::span<const Breakage> table, const std::string& name);

// --break, with the table's names in its help.
CLI::Option* add_break_option(CLI::App& app, std::span<const Breakage> table, std::string& name);
// Gives the options of app that nobody has given the values of the breakage. After app.parse().
void use_settings(const Breakage& breakage, CLI::App& app);

}  // namespace heartbeat
