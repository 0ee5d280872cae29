// How many processors this process may use.
#pragma once

namespace nnc {

// By its affinity and by the quota of its control groups, rounded up; at least 1.
int core_count();

// The largest team that a session starts: more threads than this only wait for each other.
int most_threads();

} // namespace nnc
