// What a run is about to do, in four lines.
#pragma once

#include <string>
#include <vector>

#include "graph/batch.h"
#include "graph/protein.h"
#include "tools/contacts/contact_model.h"
#include "tools/contacts/options.h"

namespace heartbeat {

std::string plan_of(const TrainOptions& options, const ContactModel& model, Sampler& sampler,
                    const std::vector<Protein>& train, const std::vector<Protein>& valid);

}  // namespace heartbeat
