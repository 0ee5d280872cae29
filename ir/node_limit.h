// How many nodes a program may have. Whatever makes a node (Builder, and what copies nodes) counts it first, so that
// memory stays bounded while a pass works and not only behind it.
#pragma once

#include "ir/module.h"

#include <utility>

namespace nnc {

// One for all functions of a module.
class NodeLimit {
public:
  explicit NodeLimit(i64 most) : most_(most) {}
  void take(Location at);                 // one more node; throws Error where there are enough
  void set(i64 count) { count_ = count; } // what was dropped is given back
  void check(Module const&);              // counts its nodes; throws Error at the first one too many
  i64 count() const { return count_; }
  bool is_exceeded() const { return count_ > most_; }

private:
  friend class Blame;
  [[noreturn]] void refuse(Location at) const;
  i64 most_, count_ = 0;
  Location blamed_;
};

// Counts a node that is about to be made in this function.
inline void count_node(Function& f, Location at) {
  if (f.limit) f.limit->take(at);
}

// While it lives, too many nodes are the fault of what stands at this place, wherever the single node belongs.
class Blame {
public:
  Blame(Function& f, Location at) : limit_(f.limit) {
    if (limit_) outer_ = std::exchange(limit_->blamed_, at);
  }
  ~Blame() {
    if (limit_) limit_->blamed_ = outer_;
  }
  Blame(Blame const&) = delete;
  Blame& operator=(Blame const&) = delete;

private:
  std::shared_ptr<NodeLimit> limit_;
  Location outer_;
};

} // namespace nnc
