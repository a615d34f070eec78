using System.CommandLine;
using CsiLocal.Configuration;
using CsiLocal.Volumes;

namespace CsiLocal.Cli;

/// <summary>Arguments and options that several commands share.</summary>
internal static class CommonArguments
{
    public static Argument<string> Volume(CommandHost host, string name = "VOLUME", string description = "Name or id of the volume.")
    {
        // With a help name, here and wherever a daemon is asked for completions: help would else list every volume there is.
        var argument = new Argument<string>(name) { Description = description, HelpName = name };
        argument.CompletionSources.Add(context => DynamicCompletion.Volumes(host, context.ParseResult));
        return argument;
    }

    public static Argument<string> Snapshot(CommandHost host)
    {
        var argument = new Argument<string>("SNAPSHOT") { Description = "Name or id of the snapshot.", HelpName = "SNAPSHOT" };
        argument.CompletionSources.Add(context => DynamicCompletion.Snapshots(host, context.ParseResult));
        return argument;
    }

    /// <summary>What has a history: completed with all that has a name now.</summary>
    public static Argument<string> AnyName(CommandHost host)
    {
        var argument = new Argument<string>("NAME")
        {
            Description = "Name or id of a volume or snapshot (in Kubernetes the PersistentVolume's name), or a pool's name.",
            HelpName = "NAME",
        };
        argument.CompletionSources.Add(context => DynamicCompletion.Volumes(host, context.ParseResult));
        argument.CompletionSources.Add(context => DynamicCompletion.Snapshots(host, context.ParseResult));
        argument.CompletionSources.Add(context => DynamicCompletion.Pools(host, context.ParseResult));
        return argument;
    }

    public static Option<long?> Size(string name, string description, bool required = false) => new(name)
    {
        Description = description,
        HelpName = "SIZE",
        Required = required,
        CustomParser = result => result.ParseText(ParseSize, ByteSize.Expectation),
    };

    public static Argument<long?> SizeArgument(string description) => new("SIZE")
    {
        Description = description,
        CustomParser = result => result.ParseText(ParseSize, ByteSize.Expectation),
    };

    public static Option<string?> Filesystem(string description) => OneOf("--fs", description, "ext4", "xfs", "btrfs");

    /// <summary>An option that takes one of a few words, which are also completed.</summary>
    public static Option<string?> OneOf(string name, string description, params string[] words)
    {
        var option = new Option<string?>(name)
        {
            Description = description,
            HelpName = string.Join('|', words),
            CustomParser = result => result.ParseText(text => words.Contains(text) ? text : null, $"one of {string.Join(", ", words)}"),
        };
        option.CompletionSources.Add(words);
        return option;
    }

    public static Option<AccessMode> AccessModeOption()
    {
        var option = new Option<AccessMode>("--access-mode")
        {
            Description = "Who may use it at once: writer, reader-only, single-writer or multi-writer (default writer).",
            HelpName = "MODE",
            CustomParser = result => result.ParseWord(
                ("writer", AccessMode.SingleNodeWriter), ("reader-only", AccessMode.SingleNodeReaderOnly),
                ("single-writer", AccessMode.SingleNodeSingleWriter), ("multi-writer", AccessMode.SingleNodeMultiWriter)),
        };
        option.CompletionSources.Add("writer", "reader-only", "single-writer", "multi-writer");
        return option;
    }

    public static Option<string[]> Parameters() => new("--param")
    {
        Description = "A StorageClass parameter as KEY=VALUE; may be repeated.",
        HelpName = "KEY=VALUE",
        Arity = ArgumentArity.OneOrMore,
        Validators =
        {
            result =>
            {
                foreach (var token in result.Tokens)
                {
                    if (token.Value.IndexOf('=', StringComparison.Ordinal) <= 0)
                        result.AddError($"--param: '{token.Value}' is not KEY=VALUE");
                }
            },
        },
    };

    /// <exception cref="CliException">A key is given twice.</exception>
    public static void AddParameters(IDictionary<string, string> parameters, string[]? given)
    {
        foreach (var pair in given ?? [])
        {
            var split = pair.IndexOf('=', StringComparison.Ordinal);
            if (!parameters.TryAdd(pair[..split], pair[(split + 1)..]))
                throw new CliException(ExitCode.Usage, $"the parameter '{pair[..split]}' is given twice", "name it once");
        }
    }

    private static long? ParseSize(string text) => ByteSize.TryParse(text, out var bytes) && bytes > 0 ? bytes : null;
}
