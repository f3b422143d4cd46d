#include "graph/synthetic.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string_view>

#include "graph/counter_random.h"
#include "graph/protein.h"

namespace heartbeat {
namespace {

struct Torsion {
  double phi = 0, psi = 0;
};
struct Step {  // one residue of the plan
  Torsion torsion;
  char structure = '-';
  char basin = 'B';  // of loops: A alpha, B beta, L left-handed; of strands: I inner face, O outer face
};
using Steps = std::vector<Step>;

struct Backbone {
  Point n, ca, c, o, cb;
};

constexpr Torsion kHelix = {-62, -43};
// A search over these torsions for the most DSSP bonds gave hairpins whose ladder is complete for any number of strands
// of even length: two-residue type I' turns, each with its own residue before and after.
constexpr Torsion kStrand = {-115, 111}, kBeforeTurn = {-164, 147}, kTurn1 = {60, 26}, kTurn2 = {82, 0},
                  kAfterTurn = {-102, 112};

double squared_distance(const Point& a, const Point& b) {
  const double x = a[0] - b[0], y = a[1] - b[1], z = a[2] - b[2];
  return x * x + y * y + z * z;
}

// Ideal bond geometry after Engh and Huber.
void extend(std::vector<Backbone>& chain, const Steps& steps) {
  while (chain.size() < steps.size()) {
    const std::size_t r = chain.size();
    Backbone next;
    if (r == 0) {
      next.n = {0, 0, 0};
      next.ca = {1.458, 0, 0};
      next.c = place_atom({0, 1, 0}, next.n, next.ca, 1.525, 111.0, steps[0].torsion.phi);
    } else {
      const Backbone& last = chain.back();
      next.n = place_atom(last.n, last.ca, last.c, 1.329, 116.6, steps[r - 1].torsion.psi);
      next.ca = place_atom(last.ca, last.c, next.n, 1.458, 121.7, 180);
      next.c = place_atom(last.c, next.n, next.ca, 1.525, 111.0, steps[r].torsion.phi);
    }
    next.o = place_atom(next.n, next.ca, next.c, 1.231, 120.5, steps[r].torsion.psi + 180);
    next.cb = virtual_c_beta(next.n, next.ca, next.c);
    chain.push_back(next);
  }
}

// Contacts made minus a heavy price for clashes, of the residues from `first` on.
double packing(const std::vector<Backbone>& chain, std::size_t first) {
  double score = 0;
  for (std::size_t j = first; j < chain.size(); ++j)
    for (std::size_t i = 0; i + 3 <= j; ++i) {
      const double ca = squared_distance(chain[i].ca, chain[j].ca);
      if (ca > 13 * 13) continue;
      const double cb = squared_distance(chain[i].cb, chain[j].cb);
      if (j - i >= 6 && cb < 64) score += 1;
      if (ca < 3.9 * 3.9 || cb < 3.8 * 3.8) score -= 20;
      for (const Point* a : {&chain[i].n, &chain[i].c, &chain[i].o})
        for (const Point* b : {&chain[j].n, &chain[j].c, &chain[j].o, &chain[j].cb})
          if (squared_distance(*a, *b) < 2.6 * 2.6) score -= 20;
    }
  return score;
}

Steps repeat(long n, Torsion torsion, char structure) {
  return Steps(std::max(0L, n), Step{torsion, structure, 'B'});
}

void append(Steps& to, const Steps& more) {
  to.insert(to.end(), more.begin(), more.end());
}

// Strands of even length joined by tight turns.
Steps meander(long strands, long length) {
  Steps steps;
  for (long s = 0; s < strands; ++s) {
    Steps strand = repeat(length, kStrand, 'E');
    // Neighbours along a strand point to opposite faces, facing residues of two strands to the same.
    for (long r = 0; r < length; ++r) strand[r].basin = (r + s) % 2 == 0 ? 'I' : 'O';
    if (s > 0) strand.front().torsion = kAfterTurn;
    if (s + 1 < strands) strand.back().torsion = kBeforeTurn;
    append(steps, strand);
    if (s + 1 < strands) append(steps, {{kTurn1, 'T', 'L'}, {kTurn2, 'T', 'L'}});
  }
  return steps;
}

Steps random_loop(long length, CounterRandom& draw) {
  Steps loop;
  for (long r = 0; r < length; ++r) {
    const double u = draw.uniform(), d_phi = draw.uniform(-15, 15), d_psi = draw.uniform(-15, 15);
    const char basin = u < 0.3 ? 'A' : u < 0.8 ? 'B' : 'L';
    const Torsion centre = basin == 'A' ? Torsion{-68, -35} : basin == 'B' ? Torsion{-80, 135} : Torsion{58, 38};
    loop.push_back({{centre.phi + d_phi, centre.psi + d_psi}, '-', basin});
  }
  return loop;
}

// Loops that fold two helices onto each other. All proteins share them, so that a loop's sequence tells of its shape.
const std::vector<Steps>& helix_loops() {
  static const std::vector<Steps> library = [] {
    CounterRandom draw({2024});
    std::vector<std::pair<double, Steps>> found;
    for (int n = 0; n < 1500; ++n) {
      const Steps loop = random_loop(draw.between(2, 5), draw);
      Steps steps = repeat(14, kHelix, 'H');
      append(steps, loop);
      append(steps, repeat(14, kHelix, 'H'));
      std::vector<Backbone> chain;
      extend(chain, steps);
      found.push_back({packing(chain, 14), loop});
    }
    std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    std::vector<Steps> best;
    for (int n = 0; n < 12; ++n) best.push_back(found[n].second);
    return best;
  }();
  return library;
}

// Adds the element behind the loop that packs it best.
void grow(Steps& steps, std::vector<Backbone>& chain, const Steps& element, long room, CounterRandom& draw) {
  const bool helices = !steps.empty() && steps.back().structure == 'H' && element.front().structure == 'H';
  double best = -1e9;
  Steps best_steps;
  std::vector<Backbone> best_chain;
  for (int trial = 0; trial < 24; ++trial) {
    const auto& library = helix_loops();
    Steps loop = helices ? library[(trial + draw.below(2)) % library.size()] : random_loop(draw.between(3, 5), draw);
    if (steps.empty()) loop = random_loop(draw.between(2, 3), draw);
    if (long(loop.size() + element.size()) > room) continue;
    Steps with = steps;
    append(with, loop);
    append(with, element);
    std::vector<Backbone> grown = chain;
    extend(grown, with);
    const double score = packing(grown, chain.size()) + draw.uniform();
    if (score > best) {
      best = score;
      best_steps = std::move(with);
      best_chain = std::move(grown);
    }
  }
  if (best > -1e9) {
    steps = std::move(best_steps);
    chain = std::move(best_chain);
  }
}

Steps fold(long length, CounterRandom& draw) {
  Steps steps;
  std::vector<Backbone> chain;
  const double helix_share = draw.chance(0.4) ? 1 : draw.chance(0.4) ? 0 : 0.5;
  while (true) {
    const long room = length - long(steps.size()) - 2;
    Steps element;
    if (draw.chance(helix_share)) {
      element = repeat(std::min(draw.between(10, 18), room - 5), kHelix, 'H');
    } else {
      const long strand = 2 * draw.between(2, 3), fit = (room - 5 + 2) / (strand + 2);
      if (fit >= 2) element = meander(std::min(draw.between(2, 4), fit), strand);
    }
    if (element.size() < 8) break;
    const std::size_t before = steps.size();
    grow(steps, chain, element, room, draw);
    if (steps.size() == before) break;
  }
  append(steps, random_loop(length - long(steps.size()), draw));
  return steps;
}

char pick(std::string_view letters, CounterRandom& draw) {
  return letters[draw.below(long(letters.size()))];
}

// Frequent letters stand more than once.
char letter_of(const Steps& steps, std::size_t r, bool buried, CounterRandom& draw) {
  const Step& step = steps[r];
  const bool before_helix = r + 1 < steps.size() && step.structure == '-' && steps[r + 1].structure == 'H';
  if (step.structure == 'H')
    return buried ? pick("LLLLLLAAAAIIIMMVVFFWYC", draw) : pick("EEEEEKKKKKRRRQQQAADSNTH", draw);
  if (step.structure == 'E')
    return step.basin == 'I' ? pick("VVVVVIIIIILLFFFYYWAC", draw) : pick("TTTTTKKKEERRRSSQQYVNH", draw);
  if (step.structure == 'T') return steps[r - 1].structure == 'T' ? pick("GGGGGK", draw) : pick("NNNNDG", draw);
  if (step.basin == 'L') return pick("GGGGGGGNND", draw);
  if (before_helix) return pick("SSSTTDDDNP", draw);
  if (step.basin == 'A') return pick("DDSSEEKKNNQAR", draw);
  return pick("PPPPSSSTTDDNKKEV", draw);
}

// Of the rotamers the one that stays clear of all atoms placed so far.
std::vector<NamedAtom> place_side_chain(int token, const Backbone& at, std::size_t own,
                                        const std::vector<SyntheticResidue>& residues) {
  std::vector<NamedAtom> best;
  double least = 1e9;
  for (const auto& chi : rotamers(token)) {
    const std::vector<NamedAtom> atoms = side_chain(token, at.n, at.ca, at.c, chi);
    double price = 0;
    for (std::size_t r = 0; r < residues.size(); ++r) {
      if (r == own || squared_distance(residues[r].atoms[1].xyz, at.ca) > 16 * 16) continue;
      for (const NamedAtom& other : residues[r].atoms)
        for (std::size_t a = 1; a < atoms.size(); ++a)
          price += std::max(0.0, 3.3 * 3.3 - squared_distance(atoms[a].xyz, other.xyz));
    }
    if (price < least) {
      least = price;
      best = atoms;
    }
  }
  return best;
}

}  // namespace

SyntheticProtein make_protein(const std::string& id, long length, std::uint64_t seed) {
  if (length < 20) throw std::invalid_argument("make_protein: length " + std::to_string(length) + " is below 20");
  CounterRandom draw({seed, hash_of(id)});
  const std::string_view tag = draw.chance(0.25) ? "GSHM" : "";
  const Steps steps = fold(length - long(tag.size()), draw);
  std::vector<Backbone> chain;
  extend(chain, steps);

  std::vector<SyntheticResidue> residues;
  for (std::size_t r = 0; r < chain.size(); ++r) {
    int neighbours = 0;  // of the side chain, outside its own turn of the helix
    for (std::size_t other = 0; other < chain.size(); ++other)
      neighbours += std::abs(long(r) - long(other)) > 4 && squared_distance(chain[r].cb, chain[other].cb) < 81;
    SyntheticResidue residue{token_of(letter_of(steps, r, neighbours >= 3, draw)), steps[r].structure, {}};
    const Backbone& b = chain[r];
    residue.atoms = {{"N", b.n}, {"CA", b.ca}, {"C", b.c}, {"O", b.o}};
    residues.push_back(std::move(residue));
  }
  for (std::size_t r = 0; r < residues.size(); ++r) {
    const auto atoms = place_side_chain(residues[r].token, chain[r], r, residues);
    residues[r].atoms.insert(residues[r].atoms.end(), atoms.begin(), atoms.end());
  }

  SyntheticProtein protein{id, {}};
  for (const char letter : tag) protein.residues.push_back({token_of(letter), '-', {}});
  protein.residues.insert(protein.residues.end(), residues.begin(), residues.end());
  return protein;
}

}  // namespace heartbeat
