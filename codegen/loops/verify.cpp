// Are these loops well formed? What is used has been made before and is in scope, types agree, stores hit what exists.
#include "codegen/loops/loops.h"
#include "ir/op.h"

namespace nnc {
namespace {

class Verifier {
public:
  explicit Verifier(Loops const& l) : l_(l), known_(l.insts.size(), false) {}

  std::vector<std::string> run() {
    list(l_.body);
    return std::move(wrong_);
  }

private:
  void complain(Ref r, std::string const& what) { wrong_.push_back("%" + std::to_string(r) + ": " + what); }

  void use(Ref user, Ref r) {
    if (r >= l_.insts.size()) complain(user, "uses what does not exist");
    else if (l_[r].act != Act::constant && !known_[r])
      complain(user, "uses %" + std::to_string(r) + ", which is not made yet or out of scope");
  }

  void make(Ref r) {
    if (known_[r]) complain(r, "is made twice");
    known_[r] = true;
    made_.push_back(r);
  }

  void list(std::vector<Ref> const& refs) {
    for (auto r : refs) {
      auto const& i = l_[r];
      if (i.act == Act::loop) {
        loop(r, l_.loops[static_cast<size_t>(i.number)]);
        continue;
      }
      for (int k = 0; k < operand_count(i); ++k)
        if (Ref a = i.args[static_cast<size_t>(k)]; a != no_ref) use(r, a);
      check(r, i);
      if (!writes(i.act)) make(r);
    }
  }

  void loop(Ref r, Loop const& l) {
    use(r, l.begin), use(r, l.end);
    for (auto i : l.initial) use(r, i);
    if (l.step <= 0) complain(r, "does not go on");
    if (l.carried.size() != l.initial.size() || l.next.size() != l.initial.size() ||
        l.results.size() != l.initial.size())
      complain(r, "carries other values than it gives");
    size_t mark = made_.size();
    make(l.index);
    for (auto c : l.carried) make(c);
    list(l.body);
    for (size_t k = 0; k < l.next.size(); ++k) {
      use(r, l.next[k]);
      if (!(l_[l.next[k]].type == l_[l.initial[k]].type)) complain(r, "carries a value that changes its type");
    }
    for (; made_.size() > mark; made_.pop_back()) known_[made_.back()] = false; // the scope of the body ends
    for (auto x : l.results) make(x);
  }

  void check(Ref r, Inst const& i) {
    if (i.act == Act::load || i.act == Act::load_each || i.act == Act::store || i.act == Act::prefetch) {
      if (i.number < 0 || static_cast<size_t>(i.number) >= l_.buffers.size()) complain(r, "names no buffer");
      if (!(l_[i.args[0]].type == Lanes{DType::i64, 1})) complain(r, "its index is no i64");
    }
    if (i.act == Act::store && l_[i.args[1]].type != i.type) complain(r, "stores another type than it says");
    if (i.act == Act::compute || i.act == Act::fma)
      for (int k = 0; k < operand_count(i); ++k)
        if (l_[i.args[static_cast<size_t>(k)]].type.lanes != i.type.lanes) complain(r, "operands differ in lanes");
    if (i.act == Act::compute && operand_count(i) == 2 && l_[i.args[0]].type.dtype != l_[i.args[1]].type.dtype)
      complain(r, "operands differ in dtype");
    if (i.act == Act::tree && (l_[i.args[0]].type.lanes & (l_[i.args[0]].type.lanes - 1)) != 0)
      complain(r, "a tree over lanes that are no power of two");
  }

  Loops const& l_;
  std::vector<bool> known_;
  std::vector<Ref> made_;
  std::vector<std::string> wrong_;
};

} // namespace

std::vector<std::string> verify(Loops const& l) { return Verifier(l).run(); }

} // namespace nnc
