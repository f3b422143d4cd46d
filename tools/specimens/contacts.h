#pragma once

#include "tools/specimens/specimens.h"

namespace heartbeat {

std::vector<Specimen> contact_specimens();

}  // namespace heartbeat
