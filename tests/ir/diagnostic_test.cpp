// What a person reads when something is wrong.
#include "ir/diagnostic.h"

#include <doctest/doctest.h>

using namespace nnc;

TEST_CASE("a message shows the line, a caret under the place, notes and help") {
  Sources sources;
  u32 file = sources.add("mlp.nn", "a = 1\nlogits = h |> head(classes = 10)\n");
  Diagnostic d{.at = {file, 2, 15, 4}, .message = "head expects f32[.., 784], got f32[batch, 10]"};
  d.notes.push_back({{file, 1, 1, 0}, "head declares its argument here"});
  d.help = "h has the type f32[batch, 784] and would fit";
  CHECK(render(d, sources) == "mlp.nn:2:15: error: head expects f32[.., 784], got f32[batch, 10]\n"
                              "  2 | logits = h |> head(classes = 10)\n"
                              "    |               ^~~~\n"
                              "mlp.nn:1:1: note: head declares its argument here\n"
                              "help: h has the type f32[batch, 784] and would fit\n");
}

TEST_CASE("places outside of the text show no caret, and do no harm") {
  Sources sources;
  u32 file = sources.add("a.nn", "x");
  CHECK(render(Diagnostic{.at = {}, .message = "m"}, sources) == "error: m\n");
  CHECK(render(Diagnostic{.at = {file, 9, 9, 9}, .message = "m"}, sources) == "a.nn:9:9: error: m\n");
  CHECK(render(Diagnostic{.at = {file, 1, 5, 3}, .message = "m"}, sources) ==
        "a.nn:1:5: error: m\n  1 | x\n    |  ^\n");
  CHECK(sources.line(0, 1).empty());
  CHECK(sources.name(7).empty());
}

TEST_CASE("characters of several bytes take one column, tabs stay tabs") {
  Sources sources;
  u32 file = sources.add("a.nn", "\t\xC3\xA4 = \xC3\xB6\xC3\xB6x\r\n");
  CHECK(render(Diagnostic{.at = {file, 1, 7, 5}, .message = "m"}, sources) ==
        "a.nn:1:7: error: m\n  1 | \t\xC3\xA4 = \xC3\xB6\xC3\xB6x\n    | \t    ^~~\n");
}

TEST_CASE("of a long line the part around the place is shown, and nothing that steers a terminal") {
  Sources sources;
  u32 file = sources.add("t.nn", std::string(300, 'a') + "bad" + std::string(300, 'z') + "\n\x1b[31m red");
  CHECK(render(Diagnostic{.at = {file, 1, 301, 3}, .message = "no"}, sources) ==
        "t.nn:1:301: error: no\n  1 | ..." + std::string(60, 'a') + "bad" + std::string(117, 'z') + "...\n    |    " +
            std::string(60, ' ') + "^~~\n");
  CHECK(render(Diagnostic{.at = {file, 2, 6, 3}, .message = "\x1b is no word"}, sources) ==
        "t.nn:2:6: error: \\x1b is no word\n  2 | ?[31m red\n    |      ^~~\n");
}

TEST_CASE("the nearest name is suggested only when it is near") {
  std::vector<std::string> names{"dense", "relu", "softmax", "sigmoid"};
  CHECK(nearest("dens", names) == "dense");
  CHECK(nearest("sofmtax", names) == "softmax");
  CHECK(nearest("relU", names) == "relu");
  CHECK(nearest("rleu", names) == "relu"); // two neighbours swapped are one slip
  CHECK(nearest("convolution", names).empty());
  CHECK(nearest("", names).empty());
  CHECK(nearest("ab", {"ac", "aa"}) == "aa");
}
