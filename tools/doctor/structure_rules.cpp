// What a model and its graphs are, rather than what they learn: how ops are put together, whether nodes have neighbours
// and can be told apart.
#include <fmt/format.h>

#include <algorithm>

#include "tools/doctor/rule.h"

namespace heartbeat {
namespace {

class OddAssembly : public Rule {
 public:
  OddAssembly()
      : Rule({"R52",
              "two layers without a nonlinearity between them, or a loss that is given what has been squashed",
              Severity::warning,
              1,
              {},
              "put a ReLU or SiLU between the layers\ngive the loss logits: it takes the softmax or sigmoid itself"}) {}
  void step(const Patient& p) override {
    std::size_t keys = 0;
    const auto look = [&](const std::string& what, const char* text) {
      each(*p.scalars, "lint/" + what + "/", [&](std::size_t, const std::string& op, double other) {
        check(p, keys++, op, evidence(true, other, 0),
              [&] { return fmt::format("op {} of the forward pass {}, op {:.0f}", op, text, other); });
      });
    };
    look("no_nonlinearity", "is a layer that reads another with nothing but linear ops between");
    look("squashed_before_loss", "wants logits and is given what left a softmax, sigmoid or tanh");
    look("not_log_softmax", "wants what left a log-softmax and is given something else");
  }
};

class AlikeNodes : public Rule {
 public:
  AlikeNodes()
      : Rule({"R53",
              "states of the nodes of a graph all point the same way (--watch-activations)",
              Severity::warning,
              20,
              {{"cosine", 0.99}},
              "use fewer graph layers\nadd residual connections, or norms\nstart the layers smaller"}) {}
  void step(const Patient& p) override {
    each(*p.scalars, "activations/cosine/", [&](std::size_t key, const std::string& layer, double cosine) {
      check(p, key, layer, evidence(cosine > limit("cosine"), cosine, limit("cosine")), [&] {
        return fmt::format(
            "after {} two nodes of a graph have the cosine {:.4f} on average: they can hardly be told apart", layer,
            cosine);
      });
    });
  }
};

class OddGraphs : public Rule {
 public:
  OddGraphs()
      : Rule({"R54",
              "training graphs without edges or contacts, nodes without neighbours, or with far too many",
              Severity::warning,
              1,
              {{"isolated", 0.01}, {"edgeless", 0}, {"contactless", 0.05}, {"degree", 40}},
              "look at the report of prepare_contacts: chains of one residue, structures without side chains\n"
              "look at the coordinates: atoms of many residues in one place"}) {}
  void evaluation(const Patient& p) override {
    if (p.row.step) return;
    const auto look = [&](std::size_t key, const char* name, const auto& sentence) {
      const double value = p.fact(std::string("plan/graph_") + name), most = limit(name);
      if (std::isnan(value)) return;
      check(p, key, name, evidence(value > most, value, most), [&] { return sentence(value); });
    };
    look(0, "isolated", [](double v) { return fmt::format("{:.1f} % of the residues have no neighbour", 100 * v); });
    look(1, "edgeless", [](double v) { return fmt::format("{:.1f} % of the training graphs have no edge", 100 * v); });
    look(2, "contactless",
         [](double v) { return fmt::format("{:.1f} % of the training proteins have no contact at all", 100 * v); });
    look(3, "degree", [](double v) {
      return fmt::format("one residue is in contact with {:.0f} others, more than there is room for", v);
    });
  }
};

}  // namespace

void add_structure_rules(Rules& rules) {
  rules.push_back(std::make_unique<OddAssembly>());
  rules.push_back(std::make_unique<AlikeNodes>());
  rules.push_back(std::make_unique<OddGraphs>());
}

}  // namespace heartbeat
