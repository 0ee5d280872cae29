#include "codegen/llvm/addresses.h"

namespace nnc {

IndexDepths::IndexDepths(Loops const& loops) : loops_(loops), depths_(loops.insts.size()) { walk(loops.body, 0); }

void IndexDepths::walk(std::vector<Ref> const& list, int depth) {
  for (auto r : list) {
    depths_[r] = depth;
    if (loops_[r].act != Act::loop) continue;
    auto const& l = loops_.loops[static_cast<size_t>(loops_[r].number)];
    depths_[l.index] = depth + 1;
    for (auto c : l.carried) depths_[c] = depth + 1;
    for (auto c : l.results) depths_[c] = depth;
    walk(l.body, depth + 1);
  }
}

void IndexDepths::split(Ref index, int depth, IndexTerms& t) const {
  auto const& i = loops_[index];
  if (i.act == Act::constant) {
    t.offset += i.scalar.i;
  } else if (i.act == Act::compute && i.op == OpCode::add && depths_[index] >= depth) {
    split(i.args[0], depth, t);
    split(i.args[1], depth, t);
  } else {
    (depths_[index] < depth ? t.fixed : t.moving).push_back(index);
  }
}

IndexTerms IndexDepths::terms(Ref index, int depth) const {
  IndexTerms t;
  split(index, depth, t);
  return t;
}

} // namespace nnc
