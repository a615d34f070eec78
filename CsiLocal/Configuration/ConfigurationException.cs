namespace CsiLocal.Configuration;

/// <summary>The configuration cannot be used. Carries every problem that was found, not only the first.</summary>
/// <param name="problems">At least one.</param>
internal sealed class ConfigurationException(IReadOnlyList<ConfigurationProblem> problems)
    : Exception(string.Join('\n', problems))
{
    public IReadOnlyList<ConfigurationProblem> Problems { get; } = problems;
}
