// Loops that threads do not divide are cut where guards change; the inner ones first, as long as the code for all
// pieces stays short.
#include "ir/cuts.h"
#include "ir/op.h"
#include "passes/schedule/decide.h"

#include <algorithm>

namespace nnc::scheduling {
namespace {

i64 vectors_of(i64 elements, i64 lanes) { return (elements + lanes - 1) / lanes; }

// Do the pieces of the innermost loop take many more vectors than all of it? Then those of the borders hold few
// elements, and where a vector is a sum of many it costs more than its guards.
bool splits_vectors(std::vector<i64> const& cuts, i64 extent, i64 lanes) {
  i64 vectors = 0, begin = 0;
  for (i64 end : cuts) {
    vectors += vectors_of(end - begin, lanes);
    begin = end;
  }
  vectors += vectors_of(extent - begin, lanes);
  return 4 * vectors > 5 * vectors_of(extent, lanes);
}

bool sums_inside(Node const& k) {
  auto const& nodes = k.regions.front().nodes;
  return is_kernel(k, KernelKind::pointwise) &&
         std::any_of(nodes.begin(), nodes.end(), [](Node const& n) { return info(n.op).has(reduces); });
}

} // namespace

std::vector<i64> decide_cuts(Function const& f, Node const& k, Schedule const& s) {
  constexpr size_t most_pieces = 9, most_nodes = 600; // in all pieces together
  auto const walked = walked_space(f, k, s);
  size_t const loops = walked.runs.size();
  std::vector<i64> cut;
  size_t pieces = 1;
  for (size_t loop = loops; loop-- > 0;) {
    bool const innermost = loop + 1 == loops;
    auto const cuts = cuts_of_loop(f, k, walked, loop);
    auto const count = cuts.size() + 1;
    if (count == 1 || pieces * count > most_pieces || pieces * count * k.regions.front().nodes.size() > most_nodes ||
        (innermost && s.rows.unrolled))
      continue;
    if (innermost && sums_inside(k) && splits_vectors(cuts, *walked.space.back().constant(), s.pointwise.lanes))
      continue;
    pieces *= count;
    cut.insert(cut.begin(), static_cast<i64>(loop));
  }
  return cut;
}

} // namespace nnc::scheduling
