#include "tools/contacts/graph_facts.h"

#include <algorithm>

namespace heartbeat {

GraphFacts graph_facts(const std::vector<Protein>& proteins) {
  GraphFacts facts;
  double residues = 0;
  for (const Protein& p : proteins) {
    const long n = p.length();
    long alone = 0;
    for (long i = 0; i < n; ++i) {
      const bool before = i > 0 && p.segment[i - 1] == p.segment[i],
                 after = i + 1 < n && p.segment[i + 1] == p.segment[i];
      alone += !before && !after;
    }
    std::vector<long> degree(n, 0);
    for (const ContactPair& c : p.contacts)
      if (c.channels & 1) ++degree[c.i], ++degree[c.j];
    if (n) facts.degree = std::max(facts.degree, double(*std::max_element(degree.begin(), degree.end())));
    facts.isolated += double(alone);
    facts.edgeless += alone == n;
    facts.contactless += p.contacts.empty();
    residues += double(n);
  }
  const double count = std::max<double>(1, double(proteins.size()));
  facts.isolated /= std::max(1.0, residues);
  facts.edgeless /= count;
  facts.contactless /= count;
  return facts;
}

}  // namespace heartbeat
