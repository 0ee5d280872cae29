// An argument of the wrong type: the error, with what would fit.
#pragma once

#include "frontend/elaborate/call.h"
#include "frontend/elaborate/context.h"
#include "frontend/elaborate/elaborator.h"

namespace nnc::front {

class ArgumentHelp {
public:
  explicit ArgumentHelp(Elaborator& e) : e_(e), now_(e.now), errors_(e.errors) {}
  [[noreturn]] void refuse_argument(Slots const&, size_t wrong, std::string const& shown_name);

private:
  void refuse_unflattened(Slots const&, size_t wrong, std::string const& shown_name);
  std::optional<std::string> fitting_conversion(Slots const&, size_t wrong);
  std::optional<std::string> fitting_operand(Slots const&, size_t wrong);
  std::optional<std::string> fitting_tensor(Slots const&, size_t wrong);
  std::optional<std::string> fitting_item(Slots const&, size_t wrong);
  std::optional<std::string> fitting_order(Slots const&, size_t wrong);
  std::optional<std::string> fitting_name(Slots const&, size_t wrong);
  bool would_match(Slots const&, std::map<size_t, Any> const& instead);
  std::vector<size_t> tensors_of(Slots const&, size_t first) const;
  Any of_type(Type const&, Location);
  bool is_argument(Any const&) const;

  Elaborator& e_;
  Context& now_;
  Errors& errors_;
};

} // namespace nnc::front
