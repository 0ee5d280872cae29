// The parts of the verifier that look at kernels. Each is given what the others have found to be well typed.
#pragma once

#include "ir/module.h"

#include <functional>
#include <optional>
#include <string>

namespace nnc::verifying {

using Complain = std::function<void(Location, std::string)>;
std::string shown(Function const&, ValueId); // "%dense.weight", "value 7"
std::string text(Place const&);              // "slot(3)"

// Complains, and remembers it; what has no place of its own is said of the function.
class Complaints {
public:
  Complaints(Complain const& complain, Function const& f) : complain_(complain), function_(f.at) {}
  void operator()(Location at, std::string message) {
    none_ = false;
    complain_(at ? at : function_, std::move(message));
  }
  bool none() const { return none_; }

private:
  Complain const& complain_;
  Location function_;
  bool none_ = true;
};

// Is a kernel one that code generation knows by its kind: the nodes in it, the shapes of its results, its numbers?
class KernelForm {
public:
  KernelForm(Function const& f, Complain complain) : f_(f), complain_(std::move(complain)), inside_(f.values.size()) {}
  void check(Node const& kernel);

private:
  // What is known of a value inside of the kernel with this number.
  struct Inside {
    u32 kernel = 0, depth = 0;
    bool tied = false;
  };
  // A row, or one element, of a space at a time: `space` is empty where anything is pulled at any index.
  struct Walk {
    Shape space;
    size_t outer = 0; // axes in front of a row; of a contraction all of them
  };

  void complain(Node const& n, std::string message) const { complain_(n.at, std::move(message)); }
  void results(Node const& kernel) const;
  void nodes(Node const& kernel, KernelKind) const;
  void facts(Node const& kernel) const;
  void depth(Node const& kernel);
  void one_shape(Node const& kernel) const;
  void scalars(Node const& kernel) const;
  void alone(Node const& kernel, bool (*is_it)(Node const&)) const;
  void contract(Node const& kernel);
  void rows(Node const& kernel);
  bool row_reductions(Node const& kernel, Walk&) const;
  void ties(Node const& kernel, Walk const&);
  bool starts_tie(Node const&, Walk const&) const;
  bool reads_in_step(Node const&, size_t operand, Walk const&) const;
  bool is_tied(ValueId v) const { return inside_[v].kernel == number_ && inside_[v].tied; }

  Function const& f_;
  Complain complain_;
  std::vector<Inside> inside_; // per value
  u32 number_ = 0;             // of the kernel, from 1
};

// Are schedules such that code by them is right? For functions whose kernels have their form.
void verify_schedules(Module const&, Function const&, Complain const&);
// Is everything stored where it may be, and still there when it is read? For functions with kernels.
void verify_memory(Module const&, Function const&, Complain const&);
// What its parts know of each value: whose bytes it has, and whether it is a number that every thread has
// (ir/memory.h).
struct KnownValues {
  std::vector<ValueId> roots;
  std::vector<bool> numbers;
};
// Its first part: is everything stored that must be? And of any function alone: each result.
bool verify_stored(Function const&, KnownValues const&, Complain const&);
void verify_results(Function const&, Complain const&);
// Its second part: where each value lives, if all may live where they do.
using Homes = std::vector<std::optional<Place>>; // per value
std::optional<Homes> verify_places(Module const&, Function const&, KnownValues const&, Complain const&);
// Code is made of kernels that know where they store.
void verify_all_passes(Function const&, Complain const&);

} // namespace nnc::verifying
