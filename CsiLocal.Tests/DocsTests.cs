using System.Reflection;
using System.Text.RegularExpressions;
using CsiLocal.Configuration;
using CsiLocal.Rpc;
using CsiLocal.Tests.Support;
using CsiLocal.Volumes.Diagnosis;
using Xunit;

namespace CsiLocal.Tests;

/// <summary>docs/ keeps up with the code: what can be configured and called is described, and what is described is there.</summary>
public sealed partial class DocsTests
{
    [Fact]
    public void Every_option_of_the_configuration_file_is_documented() =>
        Assert.All(OptionNames(), option => Assert.Contains($"| `{option}` |", Read("configuration.md"), StringComparison.Ordinal));

    [Fact]
    public void The_example_with_every_option_is_a_configuration_with_every_option()
    {
        var example = Yaml().Match(Read("configuration.md")).Groups["text"].Value;

        ConfigurationFile.Parse(example, "configuration.md");
        Assert.All(OptionNames(), option => Assert.Contains($"{option}:", example, StringComparison.Ordinal));
    }

    [Fact]
    public void Every_parameter_of_a_StorageClass_is_documented()
    {
        var names = SourceFile.ReadAll().Single(file => file.Path == "CsiLocal/Volumes/VolumeSpec.cs").Text;

        Assert.All(
            Constant().Matches(names).Select(match => match.Groups["value"].Value),
            name => Assert.Contains($"| `{name}` |", Read("configuration.md"), StringComparison.Ordinal));
    }

    [Fact]
    public void Every_call_that_is_served_is_documented()
    {
        Assert.All(Served(), call => Assert.Contains($"`{call}`", Read("csi.md"), StringComparison.Ordinal));
    }

    [Fact]
    public void Every_call_that_is_documented_is_served()
    {
        var named = Call().Matches(Read("csi.md")).Select(match => match.Groups["name"].Value).Distinct().ToList();

        Assert.NotEmpty(named);
        Assert.Empty(named.Except(Served()));
    }

    [Fact]
    public void Every_test_that_a_promise_names_is_there()
    {
        var named = TestName().Matches(Read("reliability.md")).Select(match => match.Groups["name"].Value).Distinct().ToList();

        Assert.NotEmpty(named);
        Assert.Empty(named.Except(typeof(DocsTests).Assembly.GetTypes().Select(static type => type.Name.Split('`')[0])));
    }

    [Fact]
    public void Every_finding_of_doctor_is_documented_and_every_documented_one_is_looked_for()
    {
        var codes = typeof(FindingCodes).GetFields(BindingFlags.Public | BindingFlags.Static).Select(field => (string)field.GetRawConstantValue()!);
        var documented = Row().Matches(Read("doctor.md")).Select(match => match.Groups["name"].Value);

        Assert.Equal(codes.Order(StringComparer.Ordinal), documented.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Links_lead_to_files()
    {
        var root = FindRoot();
        var pages = Directory.GetFiles(root, "*.md").Concat(Directory.GetFiles(Path.Combine(root, "docs"), "*.md"));
        var broken = pages.SelectMany(page => Link().Matches(File.ReadAllText(page))
            .Select(match => Path.Combine(Path.GetDirectoryName(page)!, match.Groups["path"].Value))
            .Where(target => !Path.Exists(target)));

        Assert.Empty(broken);
    }

    // The names are private to their readers, and rightly so; only this test wants them.
    private static IEnumerable<string> OptionNames() =>
        KeysOf(typeof(ConfigurationFile), "Keys").Concat(KeysOf(typeof(PoolReader), "AllKeys"));

    private static string[] KeysOf(Type reader, string field) =>
        Assert.IsType<string[]>(reader.GetField(field, BindingFlags.NonPublic | BindingFlags.Static)?.GetValue(null));

    private static IReadOnlyList<string> Served() =>
    [
        .. new[] { typeof(IdentityService), typeof(ControllerService), typeof(NodeService) }
            .SelectMany(service => service.GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly))
            .Where(method => method.IsVirtual)
            .Select(method => method.Name),
    ];

    private static string Read(string page) => File.ReadAllText(Path.Combine(FindRoot(), "docs", page));

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "CsiLocal.sln")))
            folder = folder.Parent;
        return folder?.FullName ?? throw new InvalidOperationException($"no CsiLocal.sln above {AppContext.BaseDirectory}");
    }

    [GeneratedRegex("`(?<name>[A-Za-z]+Tests)`")]
    private static partial Regex TestName();

    [GeneratedRegex(@"```yaml\n(?<text>.*?)```", RegexOptions.Singleline)]
    private static partial Regex Yaml();

    [GeneratedRegex(@"const string \w+ = ""(?<value>[^""]+)""")]
    private static partial Regex Constant();

    // Calls are in code style in the tables; what is not served is named in plain text.
    [GeneratedRegex(@"`(?<name>(?:Get|Probe|Create|Delete|List|Validate|Controller|Node)[A-Za-z]*)`")]
    private static partial Regex Call();

    [GeneratedRegex(@"^\| `(?<name>[a-z-]+)` \|", RegexOptions.Multiline)]
    private static partial Regex Row();

    [GeneratedRegex(@"\]\((?!https?:)(?<path>[^)#\s]+)")]
    private static partial Regex Link();
}
