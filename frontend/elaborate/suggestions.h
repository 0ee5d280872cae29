// Names that nobody declares: the error, with what was probably meant.
#pragma once

#include "frontend/elaborate/context.h"
#include "frontend/elaborate/elaborator.h"

namespace nnc::front {

std::optional<std::string> did_you_mean(std::string_view word, std::vector<std::string> const& candidates);
std::string shown_call(FunctionValue const&); // with the arguments that it needs: "reshape(x, shape)"
std::string help_for_argument(std::string const& name, std::vector<std::string> const& parameters);

class Suggestions {
public:
  explicit Suggestions(Elaborator& e) : now_(e.now), errors_(e.errors), lookup_(e.lookup) {}

  [[noreturn]] void unknown(std::string const& name, Location, bool callable);
  std::optional<std::string> near_local(std::string const& name) const;
  [[noreturn]] void unknown_member(Any const&, syntax::MemberExpr const&, Location);
  [[noreturn]] void unknown_member(FileScope::Imported const&, syntax::Name const& member);
  void refuse_package(syntax::MemberExpr const&, Location); // `np.exp`

  enum class Needed : u8 { function, number, dtype, truth };
  std::optional<std::string> unquoted(Any const&, Needed);         // help, where a string stands for what it names
  std::optional<std::string> help_for_value(Any const&, Location); // where a number or a tensor is needed
  std::optional<std::string> losses_in_sight() const;

private:
  std::vector<std::string> visible_names(bool callable) const;
  std::optional<std::string> suggested(std::string const& name, bool callable) const;

  Context& now_;
  Errors& errors_;
  Lookup& lookup_;
};

} // namespace nnc::front
