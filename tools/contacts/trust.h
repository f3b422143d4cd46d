// How far each channel follows the network. Where a channel has a few hundred positives in the whole training split,
// such as disulfides, the network can rank worse than the counted prior it starts from; there the logits go back
// towards it.
#pragma once

#include <functional>
#include <vector>

#include "tools/contacts/contact_model.h"

namespace heartbeat {

// For each channel the share of the network's logits, of 0, 1/4, 1/2, 3/4 and 1, with the best macro AUPRC on these
// proteins, whole and in one order of their chains; 1 for a channel without positives, and for a model without a prior.
// f(done) is called after each protein, and what it throws ends the search.
Trust choose_trust(const ContactModel& model, const std::vector<Protein>& proteins,
                   const std::function<void(long)>& f = {});

}  // namespace heartbeat
