using CsiLocal.Cli;
using CsiLocal.Tests.Support;
using Xunit;

namespace CsiLocal.Tests;

/// <summary>What would make the one executable larger than it may be (scripts/publish), told where it is written.</summary>
public sealed class NativeSizeTests
{
    // Those that answer with a single value are compiled once each, which is small.
    private static readonly string[] Single =
    [
        "All", "Any", "Aggregate", "Contains", "Count", "First", "FirstOrDefault", "Last", "LastOrDefault", "Max", "MaxBy", "Min", "MinBy",
        "SequenceEqual", "Single", "SingleOrDefault", "Sum", "ToArray", "ToHashSet", "ToList",
    ];

    /// <remarks>
    /// Enumerable.Select is a virtual method of every kind of sequence: Native AOT compiles it for each value type that anything
    /// enumerates with each one that anything selects, a few kilobytes a pair. Seven such calls of ours were half a megabyte.
    /// </remarks>
    [Fact]
    public void Sequences_of_value_types_are_loops_and_not_LINQ() =>
        Assert.DoesNotContain(
            GenericCall.OfLinq(typeof(RootCommandFactory).Assembly.Location),
            call => !Single.Contains(call.Method) && (IsValue(call.Arguments[0]) || (IsSelect(call) && IsValue(call.Arguments[^1]))));

    private static bool IsValue(string type) => type.StartsWith(GenericCall.Value, StringComparison.Ordinal);

    private static bool IsSelect(GenericCall call) => call.Method.StartsWith("Select", StringComparison.Ordinal);
}
