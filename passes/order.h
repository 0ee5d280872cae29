// What the pass `order` will make of a sum, for who must know it before.
#pragma once

#include "ir/module.h"

namespace nnc {

Order order_of_sum(Function const&, Node const&); // of a product or a reduction, by its extents and dtype
// Sums over a few last axes and some in front of others become two (passes/order.cpp); says whether any did.
bool split_short_sums(Function&);

} // namespace nnc
