// Lists.
#include "frontend/elaborate/budget.h"
#include "frontend/elaborate/builtin.h"
#include "frontend/elaborate/call.h"

#include <algorithm>
#include <fmt/core.h>

namespace nnc::front {

namespace {

constexpr u64 longest_list = 1'000'000;

Any len(BuiltinCall& c) {
  if (c[0].tensor())
    c.e.errors.fail(c.places[0], fmt::format("`len` counts a list, got {}", shown(c[0])),
                    "the extents of a tensor are `shape(x)`");
  return Any{Dim(static_cast<i64>(c.e.constants.as_list(c[0], c.places[0], "the operand of `len`").size()))};
}

Any is_list(BuiltinCall& c) { return Any{c[0].list() != nullptr}; }

// How many there are from `first` on before `end`, in the whole range of the integers.
u64 elements(i64 first, i64 end, i64 step) {
  if (step > 0 ? first >= end : first <= end) return 0;
  u64 const low = static_cast<u64>(std::min(first, end)), high = static_cast<u64>(std::max(first, end));
  u64 const stride = step > 0 ? static_cast<u64>(step) : -static_cast<u64>(step);
  return (high - low - 1) / stride + 1;
}

// range(n), range(first, end), range(first, end, step)
Any range(BuiltinCall& c) {
  auto bound = [&](size_t i) {
    if (c[i].tensor())
      c.e.errors.fail(c.places[i],
                      fmt::format("the bound of `range` is {}: it must be known while compiling", shown(c[i])),
                      "loops unroll while compiling; one at run time is a `scan`");
    return c.e.constants.as_constant(c[i], c.places[i], "the bound of `range`");
  };
  bool one = c[1].is<None>();
  i64 first = one ? 0 : bound(0), end = one ? bound(0) : bound(1), step = bound(2);
  if (step == 0) c.e.errors.fail(c.places[2], "the step of `range` is 0");
  u64 const count = elements(first, end, step);
  if (count > longest_list)
    c.e.errors.fail(c.at, fmt::format("the range unrolls to more than {} elements", longest_list));
  c.e.budget.spend(count * price_of_item, c.at);
  List out;
  for (u64 i = 0; i < count; ++i)
    out.push_back(Any{Dim(static_cast<i64>(static_cast<u64>(first) + i * static_cast<u64>(step)))});
  return list_of(std::move(out));
}

Any map(BuiltinCall& c) {
  List out;
  for (auto const& item : c.e.constants.as_list(c[1], c.places[1], "what `map` runs over"))
    out.push_back(c.e.calls.call(c[0], {{{}, item, c.places[1]}}, c.at));
  c.e.budget.spend(out.size() * price_of_item, c.at);
  return list_of(std::move(out));
}

Any zip(BuiltinCall& c) {
  std::vector<List> lists;
  for (auto const& l : *c[0].list()) lists.push_back(c.e.constants.as_list(l, c.at, "an operand of `zip`"));
  List out;
  if (!lists.empty()) c.e.budget.spend((lists.front().size() + 1) * (lists.size() + 1) * price_of_item, c.at);
  for (size_t i = 0; !lists.empty() && i < lists.front().size(); ++i) {
    List row;
    for (auto const& l : lists) {
      if (l.size() != lists.front().size())
        c.e.errors.fail(c.at, fmt::format("`zip` of lists of {} and {}", lists.front().size(), l.size()));
      row.push_back(l[i]);
    }
    out.push_back(list_of(std::move(row)));
  }
  return list_of(std::move(out));
}

Any reversed(BuiltinCall& c) {
  List items = c.e.constants.as_list(c[0], c.places[0], "the operand of `reversed`");
  c.e.budget.spend(items.size() * price_of_item, c.places[0]);
  return list_of(List(items.rbegin(), items.rend()));
}

} // namespace

std::vector<Builtin> const& list_builtins() {
  static std::vector<Builtin> const all{
      {"len", len}, {"is_list", is_list},   {"range", range},   {"map", map},
      {"zip", zip}, {"reversed", reversed}, {"cond", run_cond},
  };
  return all;
}

} // namespace nnc::front
