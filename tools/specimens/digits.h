#pragma once

#include "tools/specimens/specimens.h"

namespace heartbeat {

std::vector<Specimen> digit_specimens();

}  // namespace heartbeat
