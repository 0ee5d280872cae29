#include "frontend/elaborate/errors.h"
#include "frontend/elaborate/operators.h"
#include "frontend/elaborate/tensor.h"

#include <fmt/core.h>

namespace nnc::front {

// The matrix product: the last axis of a with the last but one of b; the axes in front are matched like those of `+`.
Any Operators::product(Any const& a, Any const& b, Location at) {
  if (!a.tensor() || !b.tensor() || a.tensor()->tunes || b.tensor()->tunes)
    errors_.fail(at, fmt::format("`@` is the product of two tensors, got {} and {}", shown(a), shown(b)),
                 "numbers are multiplied by `*`");
  DType dtype = tensors_.common_dtype({a, b}, at, "`@`");
  ValueId x = tensors_.as_tensor(a, dtype, at), w = tensors_.as_tensor(b, dtype, at);
  Shape xs = now_.graph->type(x).shape, ws = now_.graph->type(w).shape;
  if (xs.empty() || ws.empty())
    errors_.fail(at, fmt::format("`@` needs at least one axis on both sides, got {} and {}", shown(a), shown(b)));
  i64 x_axis = static_cast<i64>(xs.size()) - 1, w_axis = ws.size() == 1 ? 0 : static_cast<i64>(ws.size()) - 2;
  if (!(xs[x_axis] == ws[w_axis]))
    errors_.fail(at,
                 fmt::format("the inner extents of `@` differ: {} has {} in front of {}, which has {}", shown(a),
                             shown(xs.back()), shown(b), shown(ws[w_axis])),
                 ws.size() > 1 && xs.back() == ws.back()
                     ? std::optional("the last two axes of the second change places: `a @ transpose(b)`")
                     : std::nullopt);
  Builder& make = tensors_.builder(at);
  if (ws.size() <= 2 || xs.size() == 1) { // one matrix (or one vector): no batch axes
    ValueId out = make.make(OpCode::dot, {x, w},
                            {{"contract_lhs", std::vector<i64>{x_axis}}, {"contract_rhs", std::vector<i64>{w_axis}}});
    return tensors_.tensor(out);
  }
  Shape x_front(xs.begin(), xs.end() - 2), w_front(ws.begin(), ws.end() - 2);
  size_t rank = std::max(x_front.size(), w_front.size());
  auto front_of = [&](Shape const& s, size_t i) { return i + s.size() < rank ? Dim(1) : s[i + s.size() - rank]; };
  Shape front;
  for (size_t i = 0; i < rank; ++i) {
    Dim p = front_of(x_front, i), q = front_of(w_front, i);
    if (!(p == q) && !(p == Dim(1)) && !(q == Dim(1)))
      errors_.fail(at, fmt::format("the shapes of {} and {} do not broadcast in `@`: {} against {}", shown(a), shown(b),
                                   shown(p), shown(q)));
    front.push_back(p == Dim(1) ? q : p);
  }
  auto with_front = [&](Shape const& s) {
    Shape out = front;
    out.insert(out.end(), s.end() - 2, s.end());
    return out;
  };
  x = tensors_.stretch(x, with_front(xs), at), w = tensors_.stretch(w, with_front(ws), at);
  std::vector<i64> axes;
  for (size_t i = 0; i < rank; ++i) axes.push_back(static_cast<i64>(i));
  i64 r = static_cast<i64>(rank);
  return tensors_.tensor(make.make(OpCode::dot, {x, w},
                                   {{"batch_lhs", axes},
                                    {"batch_rhs", axes},
                                    {"contract_lhs", std::vector<i64>{r + 1}},
                                    {"contract_rhs", std::vector<i64>{r}}}));
}

} // namespace nnc::front
