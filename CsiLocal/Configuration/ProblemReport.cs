namespace CsiLocal.Configuration;

/// <summary>Collects the problems of one file, so that all of them can be told at once.</summary>
internal sealed class ProblemReport(string source)
{
    private readonly List<ConfigurationProblem> problems = [];

    public bool IsEmpty => problems.Count == 0;

    /// <summary>In the order of the file.</summary>
    public IReadOnlyList<ConfigurationProblem> InOrder() =>
        [.. problems.OrderBy(problem => problem.Line).ThenBy(problem => problem.Column)];

    public void Add(OptionNode at, string optionPath, string message) =>
        problems.Add(new ConfigurationProblem(source, at.Line, at.Column, optionPath, message));

    public void Add(int line, int column, string message) =>
        problems.Add(new ConfigurationProblem(source, line, column, "", message));

    public void AddForWholeFile(string message) => problems.Add(ConfigurationProblem.Of(source, message));
}
