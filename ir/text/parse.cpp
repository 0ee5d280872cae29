// Text -> module, one line at a time: an error is reported at its place and reading goes on with the next declaration.
#include "ir/ascii.h"
#include "ir/kernel_fields.h"
#include "ir/text.h"
#include "ir/text/literal.h"
#include "ir/text/quoted.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <fmt/core.h>
#include <set>
#include <unordered_map>

namespace nnc {
namespace {

constexpr size_t most_errors = 20;
constexpr int deepest_nesting = 100; // whoever walks over regions recurses
constexpr i64 most_rows = INT32_MAX; // of a batch or a data set: rows are numbered in i32

class Parser {
public:
  Parser(std::shared_ptr<Sources> sources, u32 file, bool own_places)
      : text_(sources->text(file)), file_(file), own_places_(own_places) {
    module_.sources = std::move(sources);
  }

  ParsedModule run() {
    if (auto zero = text_.find('\0'); zero != std::string::npos) refuse_zero(zero);
    while (skip_to_content() && diagnostics_.size() < most_errors) {
      try {
        top_level();
      } catch (Error& e) {
        report(e);
        skip_declaration();
      }
    }
    return {std::move(module_), std::move(diagnostics_)};
  }

private:
  // A zero byte would pass for the end of the text.
  void refuse_zero(size_t zero) {
    while (text_.find('\n', at_) < zero) next_line();
    at_ = zero;
    diagnostics_.push_back({.at = here(), .message = "expected text, found a zero byte"});
    at_ = text_.size();
  }

  // ---- characters -------------------------------------------------------------------------------------------------
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void blanks() {
    while (peek() == ' ' || peek() == '\t') ++at_;
  }
  bool at_line_end() {
    blanks();
    return peek() == '\n' || peek() == '#' || peek() == '\0' || peek() == '\r';
  }
  void end_line() {
    if (!at_line_end()) fail("expected the end of the line");
    next_line();
  }
  void next_line() {
    while (at_ < text_.size() && text_[at_] != '\n') ++at_;
    if (at_ < text_.size()) {
      ++at_;
      ++line_;
      line_start_ = at_;
    }
  }
  bool skip_to_content() { // false at the end of the text
    while (at_ < text_.size() && at_line_end()) {
      if (at_ >= text_.size()) return false;
      next_line();
    }
    return at_ < text_.size();
  }
  bool accept(char c) {
    blanks();
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  bool accept(std::string_view word) {
    blanks();
    if (text_.compare(at_, word.size(), word) != 0) return false;
    at_ += word.size();
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail(fmt::format("expected '{}', found {}", c, found()));
  }
  std::string found() {
    blanks();
    if (peek() == '\0') return "the end of the text";
    if (peek() == '\n') return "the end of the line";
    return fmt::format("'{}'", text_[at_]);
  }
  Location here() const { return {file_, line_, static_cast<u32>(at_ - line_start_ + 1), 1}; }
  [[noreturn]] void fail(std::string message) { fail(here(), std::move(message)); }
  [[noreturn]] static void fail(Location at, std::string message) {
    throw Error(Diagnostic{.at = at, .message = std::move(message)});
  }
  void report(Error& e) {
    for (auto& d : e.diagnostics) {
      if (!d.at) d.at = here();
      diagnostics_.push_back(d);
    }
  }
  void skip_declaration() { // to the next one, which begins in the first column
    while (at_ < text_.size()) {
      next_line();
      for (std::string_view begins : {"func ", "module ", "target ", "training "})
        if (text_.compare(at_, begins.size(), begins) == 0) return;
    }
  }

  std::string word() { // letters, digits and the like
    blanks();
    size_t begin = at_;
    while (is_name_character(peek())) ++at_;
    return text_.substr(begin, at_ - begin);
  }
  std::string need_word(std::string_view what) {
    auto w = word();
    if (w.empty()) fail(fmt::format("expected {}, found {}", what, found()));
    return w;
  }
  std::string quoted() {
    blanks();
    auto const read = peek() == '"' ? read_quoted(std::string_view(text_).substr(at_)) : std::nullopt;
    if (!read) {
      expect('"');
      while (peek() != '\0' && peek() != '\n') ++at_;
      fail("this string is never closed");
    }
    at_ += read->length;
    return read->text;
  }
  std::string name(std::string_view what) {
    blanks();
    return peek() == '"' ? quoted() : need_word(what);
  }
  std::string value_name() {
    expect('%');
    return name("the name of a value");
  }
  std::string number_text() {
    blanks();
    size_t begin = at_;
    if (peek() == '-' || peek() == '+') ++at_;
    while (is_letter(peek()) || is_digit(peek()) || peek() == '.' ||
           ((peek() == '-' || peek() == '+') && at_ > begin && (text_[at_ - 1] == 'e' || text_[at_ - 1] == 'E')))
      ++at_;
    return text_.substr(begin, at_ - begin);
  }
  i64 integer() {
    auto place = here();
    auto t = number_text();
    i64 value = 0;
    auto r = std::from_chars(t.data(), t.data() + t.size(), value);
    if (r.ec != std::errc{} || r.ptr != t.data() + t.size() || t.empty()) fail(place, "expected an integer");
    return value;
  }
  i64 integer(i64 least, i64 most) {
    auto place = (blanks(), here());
    i64 value = integer();
    if (value < least || value > most)
      fail(place, fmt::format("expected an integer from {} to {}, found {}", least, most, value));
    return value;
  }
  f64 number() {
    auto place = here();
    auto s = parse_literal(DType::f64, number_text());
    if (!s) fail(place, "expected a number");
    return s->f;
  }

  // ---- types ------------------------------------------------------------------------------------------------------
  Dim dim() {
    blanks();
    auto place = here();
    size_t begin = at_;
    while (peek() != ',' && peek() != ']' && peek() != '\n' && peek() != '\0') ++at_;
    auto d = Dim::parse(text_.substr(begin, at_ - begin));
    if (!d) fail(place, "expected an extent such as 784 or 2*batch+1");
    return *d;
  }
  Type type() {
    auto place = (blanks(), here());
    auto w = need_word("a type such as f32[batch,10]");
    auto dtype = dtype_named(w);
    if (!dtype) fail(place, fmt::format("unknown dtype '{}'", w));
    Type t{*dtype, {}};
    expect('[');
    if (accept(']')) return t;
    do {
      auto at = (blanks(), here());
      t.shape.push_back(dim());
      if (auto n = t.shape.back().constant(); n && *n < 0) fail(at, "an extent is not negative");
    } while (accept(','));
    expect(']');
    try {
      need_countable(t);
    } catch (Error const& e) {
      fail(place, e.what());
    }
    return t;
  }

  // ---- attributes -------------------------------------------------------------------------------------------------
  template <class Item>
  auto list(Item item) {
    std::vector<decltype(item())> out;
    expect('[');
    if (accept(']')) return out;
    do out.push_back(item());
    while (accept(','));
    expect(']');
    return out;
  }
  Order order() {
    auto place = (blanks(), here());
    auto w = need_word("an order of summation");
    Order o;
    if (w == "blocks") {
      expect('(');
      o.block = integer(1, INT32_MAX);
      expect(',');
      w = need_word("chain or lanes");
      if (accept(',')) o.axis = integer(0, INT32_MAX);
      expect(')');
    }
    if (w == "lanes") o.kind = Order::Kind::lanes;
    else if (w != "chain") fail(place, fmt::format("unknown order '{}': chain, lanes or blocks(n, chain)", w));
    return o;
  }
  Place place() {
    auto at = (blanks(), here());
    auto w = need_word("a place");
    static std::pair<std::string_view, Place::Kind> const kinds[] = {{"slot", Place::Kind::slot},
                                                                     {"local", Place::Kind::local},
                                                                     {"argument", Place::Kind::argument},
                                                                     {"result", Place::Kind::result},
                                                                     {"round", Place::Kind::round}};
    for (auto [text, kind] : kinds)
      if (w == text) {
        expect('(');
        Place p{kind, integer()};
        expect(')');
        return p;
      }
    fail(at, fmt::format("unknown place '{}': slot, local, argument or result", w));
  }
  AttributeValue attribute(AttributeKind kind) {
    switch (kind) {
    case AttributeKind::boolean: {
      auto at = (blanks(), here());
      auto w = need_word("true or false");
      if (w != "true" && w != "false") fail(at, "expected true or false");
      return w == "true";
    }
    case AttributeKind::integer: return integer();
    case AttributeKind::number: return number();
    case AttributeKind::string: return quoted();
    case AttributeKind::integers: return list([&] { return integer(); });
    case AttributeKind::dims: return list([&] { return dim(); });
    case AttributeKind::order: return order();
    case AttributeKind::places: return list([&] { return place(); });
    }
    fail("unknown kind of attribute");
  }
  // "name=value, ...}". `set` is given the one of `known` that is meant, and its value. Gives the names that stood
  // there.
  template <class Known, class Spec, class Set>
  std::set<std::string_view> attributes(Op const& op, Known const& known, Spec spec_of, Set set) {
    std::set<std::string_view> given;
    do {
      auto at = (blanks(), here());
      auto key = need_word("an attribute");
      auto it = std::find_if(known.begin(), known.end(), [&](auto const& a) { return spec_of(a).name == key; });
      if (it == known.end()) fail(at, fmt::format("{} has no attribute '{}'", op.name, key));
      if (!given.insert(spec_of(*it).name).second) fail(at, fmt::format("attribute '{}' is given twice", key));
      expect('=');
      auto value_at = (blanks(), here());
      try {
        set(*it, attribute(spec_of(*it).kind));
      } catch (Error& e) {
        for (auto& d : e.diagnostics)
          if (!d.at) d.at = value_at;
        throw;
      }
    } while (accept(','));
    expect('}');
    return given;
  }
  void described(Node& n) {
    auto const spec = [](AttributeSpec const& s) { return s; };
    auto const set = [&](AttributeSpec const& s, AttributeValue value) { n.attributes.set(s.name, std::move(value)); };
    if (peek() == '{' && !region_follows() && accept('{'))
      (void)attributes(info(n.op), info(n.op).attributes, spec, set);
  }
  void described_kernel(Node& n) {
    n.kernel = Kernel{};
    auto const spec = [](KernelField const& f) { return f.spec; };
    auto const set = [&](KernelField const& f, AttributeValue const& value) { f.write(*n.kernel, value); };
    std::set<std::string_view> given;
    if (!region_follows() && accept('{')) given = attributes(info(n.op), kernel_fields(), spec, set);
    for (auto const& f : kernel_fields())
      if (!f.spec.optional && !given.contains(f.spec.name))
        fail(n.at, fmt::format("kernel needs the attribute '{}'", f.spec.name));
  }

  // ---- the module -------------------------------------------------------------------------------------------------
  void top_level() {
    auto at = here();
    auto w = word();
    if (w == "func") return function();
    if (w == "module")
      return settings([&](std::string const& key) {
        for (int s = 0; s < symbol_count; ++s)
          if (key == nnc::name(static_cast<Symbol>(s))) {
            module_.bindings[static_cast<size_t>(s)] = integer(1, most_rows);
            return true;
          }
        return false;
      });
    if (w == "target") {
      Target& t = module_.target.emplace();
      return settings([&](std::string const& key) {
        if (key == "cpu") return t.cpu = quoted(), true;
        if (key == "features") return t.features = quoted(), true;
        if (key == "triple") return t.triple = quoted(), true;
        if (key == "l1") return t.l1 = integer(0, i64{1} << 40), true;
        if (key == "l2") return t.l2 = integer(0, i64{1} << 40), true;
        if (key == "registers") return t.registers = integer(4, 1024), true;
        if (key == "vector_bytes") {
          auto at = (blanks(), here());
          t.vector_bytes = integer(8, 256);
          if (!std::has_single_bit(static_cast<u64>(t.vector_bytes))) fail(at, "expected a power of two");
          return true;
        }
        return false;
      });
    }
    if (w == "training") return training();
    fail(at, "expected func, module, target or training");
  }
  template <class Set>
  void settings(Set set) {
    expect('{');
    do {
      auto at = (blanks(), here());
      auto key = need_word("a setting");
      expect('=');
      if (!set(key)) fail(at, fmt::format("unknown setting '{}'", key));
    } while (accept(','));
    expect('}');
    end_line();
  }
  void training() {
    Training& t = module_.training.emplace();
    settings([&](std::string const& key) {
      if (key == "batch") return t.batch = integer(1, most_rows), true;
      if (key == "accumulate") return t.accumulate = integer(1, most_rows / t.batch), true;
      if (key == "epochs") return t.epochs = integer(0, INT64_MAX), true;
      if (key == "steps") return t.steps = integer(0, INT64_MAX), true;
      if (key == "seed") return t.seed = integer(), true;
      if (key == "validation") return t.validation = integer(0, INT64_MAX), true;
      if (key == "window") return t.window = integer(0, INT32_MAX), true;
      if (key == "model") return t.model = quoted(), true;
      if (key == "order") return t.order = quoted(), true;
      if (key == "save_best" || key == "patience") {
        auto const at = (blanks(), here());
        auto const text = quoted();
        if (key == "save_best") t.save_best = aim_of(text);
        else t.patience = patience_of(text);
        if (key == "save_best" ? !t.save_best : !t.patience)
          fail(at, key == "save_best" ? "expected \"min NAME\" or \"max NAME\"" : "expected \"3 of min NAME\"");
        return true;
      }
      if (key == "drop_last") return t.drop_last = std::get<bool>(attribute(AttributeKind::boolean)), true;
      return false;
    });
    auto paths = [&](std::vector<std::string>& out) {
      do out.push_back(name("the path of a parameter"));
      while (accept(','));
    };
    while (skip_to_content()) {
      if (accept("phase ")) t.phases.push_back({.steps = integer(1, INT64_MAX), .minimize = {}});
      else if (accept("minimize ")) {
        Minimize m;
        m.objective = name("the name of a result");
        if (!accept("over ")) fail("expected 'over' and the parameters");
        paths(m.parameters);
        if (t.phases.empty()) t.phases.emplace_back();
        t.phases.back().minimize.push_back(std::move(m));
      } else if (accept("fresh ")) paths(t.fresh);
      else if (accept("average ")) paths(t.averaged);
      else if (accept("scalar ")) {
        auto path = name("the path of a number");
        expect('=');
        t.scalars.push_back({path, number()});
      } else {
        return;
      }
      end_line();
    }
  }

  // ---- functions --------------------------------------------------------------------------------------------------
  Role role() {
    if (at_line_end() || peek() == ',' || peek() == ')') return Role::none;
    auto at = here();
    auto w = word();
    auto r = role_named(w);
    if (!r) fail(at, fmt::format("unknown role '{}'", w));
    return *r;
  }
  ValueId define(std::string const& given, Type t, Location at) {
    // Numbered names belong to the printer.
    bool numbered = !given.empty() && given.find_first_not_of("0123456789") == std::string::npos;
    auto id = static_cast<ValueId>(f_.values.size());
    if (!values_.emplace(given, id).second) fail(at, fmt::format("%{} is defined twice", given));
    f_.values.push_back({std::move(t), numbered ? "" : given, at, {}});
    return id;
  }
  ValueId used_value() {
    auto at = (blanks(), here());
    auto n = value_name();
    auto it = values_.find(n);
    if (it != values_.end()) return it->second;
    std::vector<std::string> known;
    for (auto const& [k, v] : values_) known.push_back(k);
    auto near = nearest(n, known);
    fail(at, fmt::format("unknown value %{}{}", n, near.empty() ? "" : fmt::format("; %{} is the nearest", near)));
  }

  struct ResultHead {
    std::string name;
    Type type;
    Role role;
    Location at;
    std::vector<std::string> rows;
  };
  void function() {
    f_ = {};
    in_kernel_ = false;
    nesting_ = 0;
    values_.clear();
    expect('@');
    f_.name = name("the name of a function");
    auto at = here();
    f_.at = {file_, line_, 1, 4};
    if (module_.function(f_.name)) fail(at, fmt::format("@{} is defined twice", f_.name));
    expect('(');
    if (!accept(')')) {
      do {
        auto place = (blanks(), here());
        auto n = value_name();
        expect(':');
        auto t = type();
        auto r = role();
        f_.arguments.push_back({define(n, t, place), r});
      } while (accept(','));
      expect(')');
    }
    if (!accept("->")) fail("expected '->' and the results");
    std::vector<ResultHead> heads;
    expect('(');
    if (!accept(')')) {
      do {
        auto place = (blanks(), here());
        auto n = name("the name of a result");
        expect(':');
        auto t = type();
        auto r = role();
        heads.push_back({n, t, r, place, {}});
        if (accept("[")) {
          do heads.back().rows.push_back(quoted());
          while (accept(','));
          expect(']');
        }
      } while (accept(','));
      expect(')');
    }
    expect('{');
    if (!at_line_end()) {
      function_facts();
      expect('{');
    }
    end_line();
    f_.body.nodes = nodes();
    returns(heads);
    for (auto& h : heads) {
      auto& r = f_.results[static_cast<size_t>(&h - heads.data())];
      if (f_.type(r.value) != h.type)
        fail(h.at, fmt::format("result {} is {}, but {} is returned", h.name, h.type.text(), f_.type(r.value).text()));
    }
    expect('}');
    end_line();
    module_.functions.push_back(std::move(f_));
  }
  void function_facts() {
    do {
      auto at = (blanks(), here());
      auto key = need_word("a property of the function");
      expect('=');
      if (key == "slots") f_.slots = list([&] { return dim(); });
      else if (key == "locals") f_.locals = integer(0, INT32_MAX);
      else if (key == "scratch") f_.scratch = integer(0, INT64_MAX);
      else if (key == "parts") f_.parts = integer(1, most_rows);
      else if (key == "threads") f_.threads = integer(0, INT32_MAX);
      else fail(at, fmt::format("unknown property '{}': slots, locals, scratch, parts or threads", key));
    } while (accept(','));
    expect('}');
  }
  // "return %a, 0:f32": what a function gives, or behind an arrow what a region does; nothing without the word.
  std::vector<ValueId> given_values(std::string_view word) {
    std::vector<ValueId> values;
    if (!accept(word)) return values;
    do {
      if (blanks(), peek() == '%') values.push_back(used_value());
      else values.push_back(literal(raw_literal(), {}));
    } while (accept(','));
    end_line();
    return values;
  }
  void returns(std::vector<ResultHead> const& heads) {
    auto const values = given_values("return");
    skip_to_content();
    if (values.size() != heads.size())
      fail(fmt::format("@{} has {} results, {} are returned", f_.name, heads.size(), values.size()));
    for (size_t i = 0; i < heads.size(); ++i) 
      f_.results.push_back({heads[i].name, values[i], heads[i].role, heads[i].rows});
  }

  // ---- nodes ------------------------------------------------------------------------------------------------------
  struct Raw { // an operand as written: a value, or a literal whose dtype may become known later
    ValueId value = no_value;
    std::string text;
    std::optional<DType> dtype;
    Location at;
  };
  Raw raw_literal() {
    Raw r;
    r.at = here();
    r.text = number_text();
    if (r.text.empty()) fail(r.at, fmt::format("expected a value or a number, found {}", found()));
    if (peek() == ':' && at_ + 1 < text_.size() && is_letter(text_[at_ + 1])) {
      ++at_;
      r.dtype = dtype_named(word());
      if (!r.dtype) fail(r.at, "unknown dtype of a literal");
    }
    return r;
  }
  Raw raw_operand() {
    blanks();
    if (peek() != '%') return raw_literal();
    Raw r;
    r.at = here();
    r.value = used_value();
    return r;
  }
  ValueId literal(Raw const& r, std::optional<DType> fallback) {
    auto dtype = r.dtype ? r.dtype : fallback;
    if (!dtype) fail(r.at, fmt::format("the dtype of {} is not known here: write {}:f32", r.text, r.text));
    auto s = parse_literal(*dtype, r.text);
    if (!s) fail(r.at, fmt::format("'{}' is no {}", r.text, nnc::name(*dtype)));
    return f_.literals.value(f_, *dtype, *s, r.at);
  }

  std::vector<Node> nodes() {
    std::vector<Node> out;
    while (skip_to_content()) {
      blanks();
      if (peek() == '}' || text_.compare(at_, 2, "->") == 0) break;
      if (text_.compare(at_, 6, "return") == 0 && !is_name_character(text_[std::min(at_ + 6, text_.size() - 1)])) break;
      out.push_back(node());
    }
    return out;
  }

  Node node() {
    Node n;
    Location start = here();
    std::vector<std::pair<std::string, Location>> names;
    if (peek() == '%') {
      do {
        auto at = (blanks(), here());
        names.emplace_back(value_name(), at);
      } while (accept(','));
      expect('=');
    }
    auto op_at = (blanks(), here());
    auto op_name = need_word("an operator");
    auto code = op_named(op_name);
    if (!code) {
      std::vector<std::string> known;
      for (auto c : all_ops()) known.emplace_back(info(c).name);
      auto near = nearest(op_name, known);
      fail(op_at, fmt::format("unknown operator '{}'{}", op_name,
                              near.empty() ? "" : fmt::format("; {} is the nearest", near)));
    }
    n.op = *code;
    n.at = start;
    std::vector<Raw> raw;
    if (blanks(), !at_line_end() && peek() != '{' && peek() != ':') {
      do raw.push_back(raw_operand());
      while (accept(','));
    }
    blanks();
    if (*code == OpCode::kernel) {
      described_kernel(n);
      return kernel_body(n, raw, names), n;
    }
    described(n);
    auto types_at = (blanks(), here());
    auto const stated = stated_types(names.size());
    operands(n, raw, stated);
    if (info(*code).regions > 0) {
      for (int i = 0; i < info(*code).regions; ++i) n.regions.push_back(region(n, i == 0));
    } else {
      comment(n);
    }
    check(n, stated, types_at);
    end_line();
    results(n, names, stated);
    return n;
  }
  bool region_follows() const { // "{" and then the end of the line
    size_t i = at_ + 1;
    while (i < text_.size() && (text_[i] == ' ' || text_[i] == '\t')) ++i;
    return i >= text_.size() || text_[i] == '\n' || text_[i] == '#' || text_[i] == '\r';
  }
  void kernel_body(Node& n, std::vector<Raw> const& raw, std::vector<std::pair<std::string, Location>> const& names) {
    if (in_kernel_) fail(n.at, "kernels do not nest");
    for (auto const& r : raw) n.operands.push_back(r.value != no_value ? r.value : literal(r, {}));
    expect('{');
    comment(n);
    next_line();
    in_kernel_ = true;
    n.regions.push_back({.nodes = nodes()});
    in_kernel_ = false;
    skip_to_content();
    expect('}');
    end_line();
    for (auto const& [result, at] : names) {
      auto it = values_.find(result);
      if (it == values_.end()) fail(at, fmt::format("the kernel gives %{}, but nothing in it defines that", result));
      n.results.push_back(it->second);
    }
  }
  // "(%a: f32[4]) {", its nodes, "-> %b", "}"
  Region region(Node& n, bool first) {
    Region r;
    if (accept('(')) {
      do {
        auto at = (blanks(), here());
        auto argument = value_name();
        expect(':');
        r.arguments.push_back(define(argument, type(), at));
      } while (accept(','));
      expect(')');
    }
    if (++nesting_ > deepest_nesting) fail(fmt::format("regions nest more than {} deep", deepest_nesting));
    expect('{');
    if (first) comment(n);
    end_line();
    r.nodes = nodes();
    r.results = given_values("->");
    skip_to_content();
    expect('}');
    --nesting_;
    return r;
  }

  std::vector<Type> stated_types(size_t results) {
    std::vector<Type> stated;
    auto at = (blanks(), here());
    if (accept(':')) {
      do stated.push_back(type());
      while (accept(','));
    }
    if (stated.size() != results)
      fail(at, fmt::format("{} results need {} types, found {}", results, results, stated.size()));
    return stated;
  }
  void operands(Node& n, std::vector<Raw> const& raw, std::vector<Type> const& stated) {
    std::optional<DType> dtype;
    for (auto const& r : raw)
      if (r.value != no_value && !f_.values[r.value].constant) {
        dtype = f_.type(r.value).dtype;
        break;
      }
    if (!dtype && !stated.empty()) dtype = stated.front().dtype;
    for (auto const& r : raw) n.operands.push_back(r.value != no_value ? r.value : literal(r, dtype));
  }
  void results(Node& n, std::vector<std::pair<std::string, Location>> const& names, std::vector<Type> const& stated) {
    for (size_t i = 0; i < names.size(); ++i) {
      auto id = define(names[i].first, stated[i], names[i].second);
      f_.values[id].at = n.at;
      n.results.push_back(id);
    }
  }
  void check(Node const& n, std::vector<Type> const& stated, Location at) {
    auto const& op = info(n.op);
    if (op.has(structural)) return; // the verifier knows the callee, which may come later
    std::vector<Type> operands;
    for (auto v : n.operands) operands.push_back(f_.type(v));
    std::vector<Type> types;
    try {
      types = result_types(n.op, operands, n.attributes, stated.empty() ? nullptr : &stated.front());
    } catch (Error& e) {
      for (auto& d : e.diagnostics)
        if (!d.at) d.at = at;
      throw;
    }
    if (types.size() != stated.size())
      fail(at, fmt::format("{} gives {} results, {} types are stated", op.name, types.size(), stated.size()));
    for (size_t i = 0; i < types.size(); ++i)
      if (types[i] != stated[i])
        fail(at, fmt::format("{} gives {}, but {} is stated", op.name, types[i].text(), stated[i].text()));
  }
  // A trailing "# mlp.nn:9" is where the node comes from.
  void comment(Node& n) {
    if (own_places_ || !at_line_end() || peek() != '#') return;
    size_t end = std::min(text_.find('\n', at_), text_.size());
    std::string_view c = std::string_view(text_).substr(at_ + 1, end - at_ - 1);
    while (!c.empty() && c.front() == ' ') c.remove_prefix(1);
    while (!c.empty() && (c.back() == ' ' || c.back() == '\r')) c.remove_suffix(1);
    auto colon = c.rfind(':');
    if (colon == std::string_view::npos || colon == 0) return;
    u32 line = 0;
    auto r = std::from_chars(c.data() + colon + 1, c.data() + c.size(), line);
    if (r.ec != std::errc{} || r.ptr != c.data() + c.size() || line == 0) return;
    if (c.find(' ') == std::string_view::npos && c.front() != '"') n.at = {source(c.substr(0, colon)), line, 1, 0};
    else if (auto file = c.front() == '"' ? read_quoted(c) : std::nullopt; file && file->length == colon)
      n.at = {source(file->text), line, 1, 0};
  }
  u32 source(std::string_view name) {
    for (u32 i = 1; i <= module_.sources->count(); ++i)
      if (module_.sources->name(i) == name) return i;
    return module_.sources->add(std::string(name), "");
  }

  std::string const text_;
  u32 file_;
  bool own_places_;
  size_t at_ = 0, line_start_ = 0;
  u32 line_ = 1;
  Module module_;
  Function f_;
  bool in_kernel_ = false;
  int nesting_ = 0;
  std::unordered_map<std::string, ValueId> values_;
  std::vector<Diagnostic> diagnostics_;
};

} // namespace

ParsedModule parse_ir(std::shared_ptr<Sources> sources, u32 file, bool own_places) {
  return Parser(std::move(sources), file, own_places).run();
}

ParsedModule parse_ir(std::string name, std::string text) {
  auto sources = std::make_shared<Sources>();
  u32 file = sources->add(std::move(name), std::move(text));
  return parse_ir(std::move(sources), file);
}

} // namespace nnc
