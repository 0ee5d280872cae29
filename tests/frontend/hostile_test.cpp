// Programs with words taken out, doubled and exchanged at random: whatever they have become, the frontend answers with
// diagnostics or with a module that verifies, and never with an exception of its own.
#include "frontend/frontend.h"
#include "frontend/lexer.h"

#include <doctest/doctest.h>
#include <filesystem>
#include <fmt/core.h>
#include <fstream>
#include <sstream>

using namespace nnc;

namespace {

namespace fs = std::filesystem;

struct Random { // any fixed sequence will do
  u64 state;
  u64 below(u64 n) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (state >> 33) % n;
  }
};

char const* const training = R"(
fn block(x: float[.., n], k = 3) { param w: float[n, k] = he_normal(); h = x @ w; return h |> relu |> layer_norm }
optimizer own(lr = 0.1, nesterov = false) { state m = zeros_like(p); m <- 0.9 * m + g; if nesterov { m <- m * 2 }; p <- p - lr * m }
const width = 3 * 2
model m(hidden = 4, rate = 0.5) {
  input x: f32[batch, 4]
  target label: i32[batch]
  state seen: f32[] = 0
  seen <- seen + 1
  h = block(x, width) |> dropout(rate)
  for i in range(2) { h = block(h, hidden) @"b{i}" }
  logits = if training { dense(h, 3) @head } else { dense(h, 3) @head }
  output probs = softmax(logits)
  loss cross_entropy(logits, label)
  loss other = mean(logits ^ 2)
  metric accuracy(logits, label)
}
train m(rate = 0.25) @one { minimize loss + 0.1 * other over "head.*" with own(); minimize loss with adam(lr = cosine(1e-3, warmup = 3)); batch = 4; clip_norm = 1 }
)";

std::vector<std::string> programs() {
  std::vector<std::string> out{training};
  for (auto const& entry : fs::directory_iterator(fs::path(NNC_SOURCE_DIR) / "tests" / "frontend" / "values")) {
    std::ifstream in(entry.path());
    std::stringstream text;
    text << in.rdbuf();
    out.push_back(text.str());
  }
  std::sort(out.begin(), out.end());
  return out;
}

// The text with a few tokens changed.
std::string mutated(std::string const& text, Random& random) {
  Sources sources;
  auto tokens = lex(sources, sources.add("t", text)).tokens;
  std::string out = text;
  struct Edit {
    u32 begin, length;
    std::string with;
  };
  std::vector<Edit> edits;
  for (u64 n = 1 + random.below(3); n > 0; --n) {
    auto const& victim = tokens[random.below(tokens.size() - 1)];
    auto const& other = tokens[random.below(tokens.size() - 1)];
    std::string with = random.below(3) == 0 ? ""
                       : random.below(2)    ? std::string(other.text) + " " + std::string(victim.text)
                                            : std::string(other.text);
    edits.push_back({victim.offset, static_cast<u32>(victim.text.size()), with});
  }
  std::sort(edits.begin(), edits.end(), [](auto const& a, auto const& b) { return a.begin > b.begin; });
  for (size_t i = 0; i < edits.size(); ++i)
    if (i == 0 || edits[i].begin + edits[i].length <= edits[i - 1].begin)
      out.replace(edits[i].begin, edits[i].length, edits[i].with);
  return out;
}

} // namespace

TEST_CASE("no program makes the frontend fall over") {
  int accepted = 0, refused = 0;
  Random random{42};
  auto all = programs();
  int rounds = 600;
  for (int i = 0; i < rounds; ++i) {
    std::string text = mutated(all[random.below(all.size())], random);
    auto sources = std::make_shared<Sources>();
    u32 file = sources->add("mutated.nn", text);
    CAPTURE(text);
    Elaborated result;
    REQUIRE_NOTHROW(result = elaborate(sources, file, {.batch_anywhere = true}));
    (has_errors(result.diagnostics) ? refused : accepted) += 1;
    for (auto const& d : result.diagnostics) {
      CHECK(!d.message.empty());
      CHECK(!render(d, *sources).empty());
    }
  }
  CHECK(accepted > 10);
  CHECK(refused > 100);
}
