#pragma once

#include <functional>
#include <string>

namespace heartbeat::bench {

// Seconds of `repeats` calls of f, which queues its work where the benchmark runs. On a GPU by the stream's own clock.
double seconds_of(const std::function<void()>& f, long repeats);

// What the numbers of a run depend on: "NVIDIA H200", "driver 13.0, runtime 13.0"; empty where there is none.
std::string gpu_name();
std::string gpu_software();

}  // namespace heartbeat::bench
