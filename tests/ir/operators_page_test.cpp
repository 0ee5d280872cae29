// ir/OPERATORS.md is what the table says.
#include "ir/op.h"

#include <cstdlib>
#include <doctest/doctest.h>
#include <fstream>
#include <sstream>

using namespace nnc;

TEST_CASE("the reference page is up to date") {
  std::string const path = NNC_SOURCE_DIR "/ir/OPERATORS.md";
  if (std::getenv("NNC_UPDATE")) std::ofstream(path, std::ios::binary) << operators_page();
  std::stringstream stored;
  stored << std::ifstream(path, std::ios::binary).rdbuf();
  CHECK(stored.str() == operators_page());
}

TEST_CASE("the page names every operator and every attribute") {
  std::string page = operators_page();
  for (auto code : all_ops()) {
    CHECK(page.find("| `" + std::string(info(code).name) + "` |") != std::string::npos);
    for (auto const& a : info(code).attributes)
      CHECK(page.find("| `" + std::string(a.name) + "` |") != std::string::npos);
  }
}
